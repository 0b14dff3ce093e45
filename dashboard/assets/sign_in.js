// Streamlit comes back from a sign-in to the first page and forgets the address that was asked for: it is kept in this
// tab, and opened when the person may look. Only addresses of this very site are ever kept here.
(() => {
  if (window.addressStays) return;
  window.addressStays = true;
  const KEY = "affectory: address before sign-in";
  const look = () => {
    if (document.querySelector("[data-sign-in]")) {
      const first = window.location.pathname.replace(/\/$/, "") === "" && !window.location.search;
      if (!first || !sessionStorage.getItem(KEY)) sessionStorage.setItem(KEY, window.location.href);
    } else if (document.querySelector("[data-signed-in]")) {
      const wanted = sessionStorage.getItem(KEY);
      sessionStorage.removeItem(KEY);
      if (wanted && wanted !== window.location.href) window.location.replace(wanted);
    }
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  look();
})();
