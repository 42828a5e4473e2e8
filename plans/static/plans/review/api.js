// Talking to the plans API: CSRF, If-Match, idempotency keys, and problems (RFC 9457) as errors.

import { newId } from "./state.js";
import { t } from "./text.js";

/** A refusal of the server; `problem` is its document, `status` 0 where no answer came. */
export class Problem extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || t("The request failed."));
    this.status = status;
    this.problem = problem;
  }

  /** Return whether it is of a type, by its slug: `stale-version`, `reason-required`, … */
  is(slug) {
    return (this.problem.type ?? "").includes(`/${slug}`);
  }

  get isOffline() {
    return this.status === 0;
  }

  /** Return what is wrong, each part on its own. */
  get details() {
    return (this.problem.errors ?? []).map((error) => error.detail);
  }
}

const csrfToken = () => document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";

async function send(method, url, { body, type = "application/json", etag, key, signal, prefer } = {}) {
  const headers = { Accept: "application/json", "Accept-Language": document.documentElement.lang };
  if (prefer) headers.Prefer = prefer;
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (key) headers["Idempotency-Key"] = key;
  if (etag) headers["If-Match"] = etag;
  if (body !== undefined) headers["Content-Type"] = type;
  const options = { method, headers, signal, credentials: "same-origin" };
  let response;
  try {
    response = await fetch(url, body === undefined ? options : { ...options, body: JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { title: t("No connection. Your edits are kept in this browser.") });
  }
  const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
  const data = isJson ? await response.json() : null;
  if (!response.ok) throw new Problem(response.status, data ?? { title: t`The server answered ${response.status}.` });
  return { data, etag: response.headers.get("ETag") };
}

export class PlanApi {
  constructor(urls) {
    this.urls = urls;
  }

  version(id) {
    return send("GET", `${this.urls.versions}/${id}`);
  }

  versions() {
    return send("GET", this.urls.versions);
  }

  /** Save operations on top of a version. `key` stays the same when the same edits are sent again. */
  save(versionId, operations, etag, key) {
    const type = "application/json-patch+json";
    const prefer = "return=minimal"; // the page has the sessions that it sends
    return send("PATCH", `${this.urls.versions}/${versionId}`, { body: operations, type, etag, key, prefer });
  }

  whatIf(operations, signal) {
    return send("POST", this.urls.what_if, { body: { operations }, signal });
  }

  submit({ comment, reason }, etag, key) {
    return send("POST", this.urls.submit, { body: { comment, ...(reason && { reason }) }, etag, key });
  }

  regenerate(etag) {
    return send("POST", this.urls.regenerate, { body: {}, etag, key: newId() });
  }

  comments() {
    return send("GET", this.urls.comments);
  }

  comment(body) {
    return send("POST", this.urls.comments, { body, key: newId() });
  }

  /** Say what a comment is about: the full set of its tags. */
  tag(id, tags) {
    return send("PUT", `${this.urls.comments}/${id}/tags`, { body: { tags }, key: newId() });
  }

  resolve(id) {
    return send("POST", `${this.urls.comments}/${id}/resolve`, { body: {}, key: newId() });
  }
}
