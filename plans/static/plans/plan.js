// A chip opens its session's dialog; the browser gives focus back when it closes.
document.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-dialog]");
  if (chip) document.getElementById(chip.dataset.dialog).showModal();
});
