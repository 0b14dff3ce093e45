// Streamlit writes the groups of the sidebar as a list whose items are not its children, which a screen reader reads as
// broken. They are links of a navigation; the list adds nothing.
(() => {
  if (window.plainSidebar) return;
  window.plainSidebar = true;
  const plain = () => document.querySelectorAll(
    '[data-testid="stSidebarNavItems"]:not([role]), [data-testid="stSidebarNavItems"] li:not([role])'
  ).forEach((element) => element.setAttribute("role", "none"));
  new MutationObserver(plain).observe(document.body, { childList: true, subtree: true });
  plain();
})();
