// Says that this person has seen this version, so that the pending list can show what is new to them.
"use strict";
{
  const { plan, version } = JSON.parse(document.getElementById("review-data").textContent);
  fetch(`/api/v1/plans/${plan.id}/look`, {
    method: "POST",
    credentials: "same-origin",
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value,
    },
    body: JSON.stringify({ version_number: version.version_number }),
  }).catch(() => {});
}
