// The console's own script. Every page works without it; with it, parts follow what happens, waiting counts down,
// answers are copied with one press, and keys lead to pages. Texts come from the page, never from here.
(function () {
  "use strict";
  var doc = document, root = doc.documentElement, body = doc.body;
  function all(selector, within) { return Array.prototype.slice.call((within || doc).querySelectorAll(selector)); }
  function fill(text, value) { return text.replace("{0}", value); }

  // Clock: the server's time, moved on by ours.
  var clock = doc.querySelector("[data-clock]");
  var skew = clock ? Date.parse(clock.getAttribute("datetime")) - Date.now() : 0;
  function now() { return Date.now() + skew; }
  function two(n) { return (n < 10 ? "0" : "") + n; }
  function showClock() {
    if (!clock) { return; }
    var d = new Date(now() + 7 * 3600 * 1000);
    clock.textContent = two(d.getUTCHours()) + ":" + two(d.getUTCMinutes()) + ":" + two(d.getUTCSeconds());
  }

  // Countdowns: <time data-until datetime=…> shows what is left; a <progress data-from data-until> fills.
  function showWaiting() {
    all("time[data-until]").forEach(function (el) {
      var left = Math.max(0, Math.ceil((Date.parse(el.getAttribute("datetime")) - now()) / 1000));
      var h = Math.floor(left / 3600);
      el.textContent = (h > 0 ? h + ":" : "") + two(Math.floor(left / 60) % 60) + ":" + two(left % 60);
    });
    all("progress[data-from]").forEach(function (el) {
      var from = Date.parse(el.getAttribute("data-from")), until = Date.parse(el.getAttribute("data-until"));
      el.max = 1; el.value = until > from ? Math.min(1, Math.max(0, (now() - from) / (until - from))) : 1;
    });
  }

  // Copy: <button data-copy="#id"> copies the text of an element.
  doc.addEventListener("click", function (event) {
    var button = event.target.closest ? event.target.closest("[data-copy]") : null;
    if (!button) { return; }
    var source = doc.querySelector(button.getAttribute("data-copy"));
    if (!source) { return; }
    var text = "value" in source ? source.value : source.textContent.trim();
    function done() { say(button.getAttribute("data-copied")); button.textContent = button.getAttribute("data-copied"); }
    if (navigator.clipboard && window.isSecureContext) { navigator.clipboard.writeText(text).then(done); return; }
    var area = doc.createElement("textarea");
    area.value = text; body.appendChild(area); area.select();
    if (doc.execCommand("copy")) { done(); }
    area.remove();
  });
  all("[data-copy]").forEach(function (el) { el.hidden = false; });

  // Select all rows of a table: <input type=checkbox data-all="name">.
  doc.addEventListener("change", function (event) {
    var name = event.target.getAttribute && event.target.getAttribute("data-all");
    if (name) { all('input[name="' + name + '"]').forEach(function (box) { box.checked = event.target.checked; }); }
  });

  // A polite word for screen readers, at most one per five seconds.
  var polite = doc.getElementById("loi-nhac"), lastWord = 0;
  function say(text) {
    if (!polite || !text || Date.now() - lastWord < 5000) { return; }
    lastWord = Date.now(); polite.textContent = text;
  }

  // Live parts: <section data-live="block" data-kinds="document. delivery." data-document="doc_…">.
  var parts = all("[data-live]"), pending = {}, lastBeat = Date.now(), source = null;
  function address(name) {
    var url = new URL(location.href);
    url.searchParams.delete("xong"); url.searchParams.delete("lang"); url.searchParams.set("manh", name);
    return url.pathname + url.search;
  }
  function refresh(part) {
    var name = part.getAttribute("data-live"), state = pending[name] || (pending[name] = {});
    if (state.busy) { state.again = true; return; }
    if (part.contains(doc.activeElement) && /^(INPUT|SELECT|TEXTAREA)$/.test(doc.activeElement.tagName)) { return; }
    state.busy = true;
    fetch(address(name), { credentials: "same-origin", redirect: "manual" }).then(function (answer) {
      if (!answer.ok) { throw new Error(String(answer.status)); }
      return answer.text();
    }).then(function (html) {
      var focus = doc.activeElement && part.contains(doc.activeElement) ? doc.activeElement.id : "";
      var open = all("details[open][id]", part).map(function (el) { return el.id; });
      part.replaceChildren.apply(part, Array.prototype.slice.call(new DOMParser().parseFromString(html, "text/html").body.childNodes));
      open.forEach(function (id) { var el = doc.getElementById(id); if (el) { el.open = true; } });
      if (focus && doc.getElementById(focus)) { doc.getElementById(focus).focus(); }
      all("[data-copy]", part).forEach(function (el) { el.hidden = false; });
      showWaiting(); say(part.getAttribute("data-said"));
    }).catch(function () { /* the banner says that nothing comes */ }).then(function () {
      // However much happens, a part is fetched at most twice a second.
      setTimeout(function () { state.busy = false; if (state.again) { state.again = false; refresh(part); } }, 500);
    });
  }
  function concerns(part, change) {
    var kinds = part.getAttribute("data-kinds"), document = part.getAttribute("data-document");
    if (document && change.document !== document) { return false; }
    return !kinds || kinds.split(" ").some(function (kind) { return change.kind.indexOf(kind) === 0; });
  }
  var banner = doc.getElementById("mat-luong");
  function watch() {
    var seconds = Math.round((Date.now() - lastBeat) / 1000), limit = Number(body.getAttribute("data-beat")) || 15;
    if (banner) {
      banner.hidden = seconds < limit + 8;
      if (!banner.hidden) { banner.querySelector("p").textContent = fill(banner.getAttribute("data-text"), seconds); }
    }
  }
  function follow() {
    source = new EventSource(body.getAttribute("data-events"));
    source.addEventListener("beat", function () { lastBeat = Date.now(); });
    source.addEventListener("change", function (event) {
      lastBeat = Date.now();
      var change = JSON.parse(event.data);
      parts.forEach(function (part) { if (concerns(part, change)) { refresh(part); } });
    });
    source.onopen = function () {
      if (Date.now() - lastBeat > 3000) { parts.forEach(refresh); }
      lastBeat = Date.now();
      all("[data-live-mark]").forEach(function (el) { el.hidden = false; });
    };
    source.onerror = function () {
      all("[data-live-mark]").forEach(function (el) { el.hidden = true; });
      if (source.readyState === 2) { setTimeout(follow, 5000); }
    };
  }
  if (parts.length && body.getAttribute("data-events") && window.EventSource) {
    follow();
    window.addEventListener("pagehide", function () { if (source) { source.close(); } });
  }
  // Parts whose content changes with time alone.
  all("[data-every]").forEach(function (part) {
    setInterval(function () { if (!doc.hidden) { refresh(part); } }, Math.max(5, Number(part.getAttribute("data-every"))) * 1000);
  });

  // The session ends in silence: say so two minutes before, with a button that keeps it.
  var idle = Number(body.getAttribute("data-idle")) || 0, seen = Date.now(), warning = doc.getElementById("sap-het");
  function stay() {
    var form = warning.querySelector("form");
    fetch(form.action, { method: "POST", credentials: "same-origin", redirect: "manual", body: new URLSearchParams(new FormData(form)) })
      .then(function (answer) { if (answer.ok) { seen = Date.now(); warning.hidden = true; } });
  }
  if (warning) { warning.querySelector("form").addEventListener("submit", function (event) { event.preventDefault(); stay(); }); }
  function watchSession() {
    if (!idle || !warning) { return; }
    var left = idle - Math.round((Date.now() - seen) / 1000);
    warning.hidden = left > 120;
    if (!warning.hidden) { warning.querySelector("p").textContent = fill(warning.getAttribute("data-text"), Math.max(0, left)); }
  }

  // Keys: "/" to the search field, "g" and a letter to a page, "?" for the list.
  var after = "";
  doc.addEventListener("keydown", function (event) {
    var target = event.target, help = doc.getElementById("phim-tat");
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) { return; }
    if (event.key === "/") {
      var search = doc.getElementById("o-tim");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    } else if (event.key === "?" && help) {
      help.open = !help.open; if (help.open) { help.querySelector("summary").focus(); help.scrollIntoView({ block: "nearest" }); }
    } else if (after === "g") {
      var link = doc.querySelector('[data-key="' + event.key.toLowerCase() + '"]');
      if (link) { event.preventDefault(); location.href = link.href; }
    }
    after = event.key === "g" && after !== "g" ? "g" : "";
  });

  setInterval(function () { showClock(); showWaiting(); watchSession(); if (source) { watch(); } }, 1000);
  showClock(); showWaiting();
  root.setAttribute("data-script", "on");
}());
