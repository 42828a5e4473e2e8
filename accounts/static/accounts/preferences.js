// The device's time zone is proposed, never taken over: people travel.
"use strict";
const zones = document.querySelector("#id_time_zone");
const offer = document.querySelector(".ac-device");
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zones && offer && zones.value !== here && zones.querySelector(`option[value="${CSS.escape(here)}"]`)) {
  offer.querySelector("b").textContent = here.replaceAll("_", " ");
  offer.querySelector("button").addEventListener("click", () => {
    zones.value = here;
    offer.hidden = true;
  });
  offer.hidden = false;
}
