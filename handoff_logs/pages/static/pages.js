// The pages work without this. It adds one key: `/` goes to the search.
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof Element && event.target.closest("input, select, textarea");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = document.querySelector("[data-search]");
  if (search === null) return;
  event.preventDefault();
  search.focus();
  search.select();
});
