// Runs before the first paint, so that a night shift never sees a white flash. Follows the device unless chosen here.
(() => {
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
})();
