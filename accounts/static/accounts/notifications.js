// Who follows a notification has read it; the page works without this, by its buttons.
"use strict";
document.querySelector(".ac-list")?.addEventListener("click", (event) => {
  const id = event.target.closest("a[data-read]")?.dataset.read;
  if (!id) return;
  fetch("/api/v1/notifications/read", {
    method: "POST",
    credentials: "same-origin",
    keepalive: true,
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value,
    },
    body: JSON.stringify({ ids: [id] }),
  }).catch(() => {});
});
