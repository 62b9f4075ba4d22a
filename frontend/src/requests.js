// htmx, as the admin uses it: CSRF on every write, no evaluated attributes, and a failure that is
// always seen. HTML with a 4xx status (a form with its errors) is swapped; anything else that
// failed becomes a toast and the page stays as it was.

import htmx from "htmx.org";

import { message } from "./messages.js";
import { toast } from "./toasts.js";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

function refuseEval() {
  throw new Error("Attributes are not evaluated here: the page's policy forbids it.");
}

function addCsrf({ detail: { ctx } }) {
  if (SAFE_METHODS.has(ctx.request.method)) return;
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token) ctx.request.headers["X-CSRF-Token"] = token;
}

function isFragment(ctx) {
  const type = ctx.response.headers.get("content-type") ?? "";
  return type.startsWith("text/html") && !/^\s*<!doctype/i.test(ctx.text ?? "");
}

function describeFailure(ctx) {
  const type = ctx.response.headers.get("content-type") ?? "";
  if (type.includes("json")) {
    try {
      const problem = JSON.parse(ctx.text);
      const first = problem.errors?.[0]?.detail;
      return {
        title: problem.title ?? "",
        message: [problem.detail, first].filter(Boolean).join(" ") || problem.title,
      };
    } catch {
      // Not what it claims to be: fall through to the general words.
    }
  }
  const page = new DOMParser().parseFromString(ctx.text ?? "", "text/html");
  const title = page.querySelector("[data-problem-title]")?.textContent.trim();
  const detail = page.querySelector("[data-problem-detail]")?.textContent.trim();
  return { title: title ?? "", message: detail ?? message("server") };
}

function showFailure({ detail: { ctx } }) {
  if (ctx.hx?.redirect || ctx.hx?.refresh || isFragment(ctx)) return;
  ctx.swap = "none";
  ctx.push = "false";
  ctx.replace = "false";
  const failure = describeFailure(ctx);
  toast({ ...failure, message: failure.message || message("server"), kind: "danger" });
}

function showLost({ detail }) {
  if (detail.ctx && !detail.ctx.response) toast({ message: message("network"), kind: "danger" });
}

export function startRequests() {
  htmx.registerExtension("none", {
    init: (api) => api.initSecurity(null, refuseEval, refuseEval),
  });
  document.addEventListener("htmx:config:request", addCsrf);
  document.addEventListener("htmx:response:error", showFailure);
  document.addEventListener("htmx:error", showLost);
}

/** Wires `hx-*` attributes below an element that a script put into the page. */
export function process(element) {
  htmx.process(element);
}
