// What is new, fetched after the page: it costs the page no query, and a page without it is whole.
"use strict";
for (const place of document.querySelectorAll("[data-news]")) {
  fetch(place.dataset.news, { headers: { Accept: "text/html" } })
    .then((answer) => (answer.ok && !answer.redirected ? answer.text() : ""))
    .then((html) => { place.innerHTML = html; })
    .catch(() => {});
}
