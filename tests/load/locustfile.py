"""Coaches, athletes and operators, as their clients behave; used by `tests.load.run`, and by `locust -f` by hand.

A turn is what somebody does between two thoughts: open the app (three requests), review a plan (a page, what-if, an
edit, what-if), look at a rollout. Between turns they think for 15 to 45 s. Athletes use the app: bearer tokens that
they rotate, ETags that they send back, idempotency keys. Coaches and operators use pages: sessions, CSRF tokens.

Each virtual person is somebody else of the synthetic people: coaches from the first copies of the templates, athletes
from later ones, so that nobody's edit is out of date. The server counts as behind a proxy that ends TLS.
"""

from __future__ import annotations

import itertools
import random
import re
import time
from datetime import UTC, datetime, timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from uuid import uuid4

from locust import FastHttpUser, between, task

from tests.load.names import DEMO_DOMAIN, DEMO_PASSWORD, DOMAIN, PASSWORD

API = "/api/v1"
ROSTERS, COACH_COPIES = 50, 60
"""Templates a copy; coaches come from the first 60 copies, athletes from those after."""
ROTATE_AFTER = 8 * 60.0
"""Seconds after which the app exchanges its tokens; they are good for 15 minutes."""
_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_HREF = re.compile(r'href="(/admin/plans/plan/[0-9a-f-]{36}/change/)[^"]*"')
_athletes, _coaches, _operators = itertools.count(), itertools.count(), itertools.count()
arrived: list[str] = []
"""Who has logged in so far."""


class Person(FastHttpUser):
    """Somebody with a way of asking: names by route, errors for every answer that was not foreseen."""

    abstract = True
    wait_time = between(15, 45)
    connection_timeout, network_timeout = 10.0, 60.0

    def headers(self) -> dict[str, str]:
        return {"X-Forwarded-Proto": "https", "Accept": "application/json"}

    def ask(
        self, method: str, path: str, route: str, *, want: tuple[int, ...] = (200,), body: Any = None, **headers: str
    ) -> Any:
        """Send a request, counted under its route; an unforeseen status is an error. Returns the answer."""
        sent = self.headers() | {name.replace("_", "-"): value for name, value in headers.items()}
        with self.client.request(
            method, path, name=route, headers=sent, json=body, catch_response=True, allow_redirects=False
        ) as answer:
            if answer.status_code in want:
                answer.success()
            else:
                answer.failure(f"{answer.status_code}: {(answer.text or '')[:300]}")
        return answer


class Athlete(Person):
    """The mobile app of one athlete."""

    weight = 80

    def on_start(self) -> None:
        number = next(_athletes)
        who = f"athlete{number % ROSTERS:02d}.copy{COACH_COPIES + number // ROSTERS:05d}@{DOMAIN}"
        self.tags: dict[str, str] = {}
        self.access = self.refresh = ""
        answer = self.ask("POST", f"{API}/auth/token", "POST /auth/token", body={"email": who, "password": PASSWORD})
        self._take(answer)
        self.athlete_id = self.read("/me", "/me")["athlete_id"]
        arrived.append(who)

    def headers(self) -> dict[str, str]:
        found = super().headers() | {"Accept-Encoding": "gzip"}
        return {**found, "Authorization": f"Bearer {self.access}"} if self.access else found

    def read(self, path: str, route: str) -> Any:
        """GET with the ETag of the last time; the body, None where nothing changed."""
        known = {"If-None-Match": self.tags[path]} if path in self.tags else {}
        answer = self.ask("GET", API + path, f"GET {route}", want=(200, 304), **known)
        if answer.status_code != 200:
            return None
        if tag := answer.headers.get("ETag"):
            self.tags[path] = tag
        return answer.json()

    def write(self, path: str, route: str, body: Any, *, want: tuple[int, ...] = (200, 201)) -> Any:
        return self.ask("POST", API + path, f"POST {route}", body=body, want=want, Idempotency_Key=str(uuid4()))

    @task(12)
    def open_app(self) -> None:
        if time.monotonic() > self.rotate_at:
            self._rotate()
        self.read("/me/today", "/me/today")
        self.read("/me/week", "/me/week")
        self.read("/notifications", "/notifications")

    @task(4)
    def tell(self) -> None:
        """Say what became of a session of the last days."""
        today = datetime.now(UTC).date()
        since = today - timedelta(days=6)
        path = f"/athletes/{self.athlete_id}/schedule?from={since}&until={today}"
        answer = self.ask("GET", API + path, "GET /athletes/{id}/schedule")
        due = [one for one in answer.json() if one["kind"] not in ("rest", "race")] if answer.status_code == 200 else []
        if due:
            one = random.choice(due)
            said = {"status": random.choice(("done", "done", "partly", "skipped"))}
            said |= {} if said["status"] == "skipped" else {"duration_min": 45, "rpe": 5}
            self.write(f"/sessions/{one['session_id']}/completion", "/sessions/{id}/completion", said)

    @task(3)
    def read_plan(self) -> None:
        """Read the plan; accept it where it awaits that."""
        plans = self.ask("GET", f"{API}/plans", "GET /plans").json()["results"]
        if not plans:
            return
        plan, head = plans[0], plans[0]["head_version"]
        path = f"{API}/plans/{plan['id']}"
        self.ask("GET", f"{path}/versions/{head['id']}?against=baseline", "GET /plans/{id}/versions/{id}")
        self.ask("GET", f"{path}/comments", "GET /plans/{id}/comments")
        if plan["status"] == "coach_reviewed":
            said = {"version_id": head["id"], "content_sha256": head["content_sha256"], "decision": "accept"}
            self.write(f"/plans/{plan['id']}/approve", "/plans/{id}/approve", said | {"rating": 4})

    @task(2)
    def look_back(self) -> None:
        self.read("/me/adherence", "/me/adherence")

    @task(1)
    def fitness(self) -> None:
        self.read(f"/athletes/{self.athlete_id}/model", "/athletes/{id}/model")

    @task(1)
    def comment(self) -> None:
        plans = self.ask("GET", f"{API}/plans", "GET /plans").json()["results"]
        if plans:
            message = {"message": "Synthetic: my legs are heavy after the long run."}
            self.write(f"/plans/{plans[0]['id']}/comments", "/plans/{id}/comments", message)

    def _rotate(self) -> None:
        self.access = ""
        answer = self.ask(
            "POST", f"{API}/auth/token/refresh", "POST /auth/token/refresh", body={"refresh": self.refresh}
        )
        self._take(answer)

    def _take(self, answer: Any) -> None:
        found = answer.json()
        self.access, self.refresh = found["access"], found["refresh"]
        self.rotate_at = time.monotonic() + ROTATE_AFTER * random.uniform(0.5, 1.0)


class Paged(Person):
    """Somebody who logs in to the pages."""

    abstract = True

    def log_in(self, email: str, password: str) -> None:
        self.client.cookiejar.set_policy(DefaultCookiePolicy(secure_protocols=("http", "https")))
        self.token = ""
        self.page("/admin/login/", "/admin/login/")
        data = {"username": email, "password": password, "csrfmiddlewaretoken": self.token, "next": "/admin/"}
        with self.client.post(
            "/admin/login/",
            data=data,
            name="POST /admin/login/",
            headers=self.headers(),
            allow_redirects=False,
            catch_response=True,
        ) as answer:
            if answer.status_code == 302:
                answer.success()
            else:
                answer.failure(f"{answer.status_code}: not logged in")
        self.page("/admin/preferences/", "/admin/preferences/")  # logging in made the token of its page an old one
        arrived.append(email)

    def headers(self) -> dict[str, str]:
        return super().headers() | {"Referer": self.host.replace("http://", "https://") + "/admin/"}

    def page(self, path: str, route: str) -> str:
        """Open a page and keep its CSRF token."""
        text = self.ask("GET", path, f"GET {route}", Accept="text/html").text or ""
        if found := _CSRF.search(text):
            self.token = found[1]
        return text

    def api(
        self, method: str, path: str, route: str, body: Any = None, *, want: tuple[int, ...] = (200,), **headers: str
    ) -> Any:
        """Ask the API as a page's script does."""
        csrf = {} if method == "GET" else {"X-CSRFToken": self.token, "Idempotency-Key": str(uuid4())}
        return self.ask(method, API + path, f"{method} {route}", body=body, want=want, **csrf, **headers)


class Coach(Paged):
    """A coach with 25 athletes."""

    weight = 16

    def on_start(self) -> None:
        number = next(_coaches)
        self.log_in(f"coach{number % 2}.copy{1 + (number // 2) % (COACH_COPIES - 1):05d}@{DOMAIN}", PASSWORD)

    @task(6)
    def review(self) -> None:
        """Take a plan from the pending list, shorten a session, and sometimes submit."""
        pending = sorted(set(_HREF.findall(self.page("/admin/plans/plan/pending/", "/admin/plans/plan/pending/"))))
        if not pending:
            return
        path = random.choice(pending)
        self.page(path, "/admin/plans/plan/{id}/change/")
        self._edit(path.split("/")[-3], submit=random.random() < 0.1)

    @task(3)
    def athletes(self) -> None:
        """Look for an athlete and open their page."""
        self.page("/admin/accounts/athlete/", "/admin/accounts/athlete/")
        found = self.api("GET", "/athletes", "/athletes")
        rows = found.json()["results"] if found.status_code == 200 else []
        if rows:
            one = random.choice(rows)["id"]
            self.page(f"/admin/accounts/athlete/{one}/change/", "/admin/accounts/athlete/{id}/change/")

    @task(2)
    def plans(self) -> None:
        """Go through the roster's plans."""
        rows = self.api("GET", "/plans", "/plans").json()["results"]
        plan = random.choice(rows)["id"]
        self.api("GET", f"/plans/{plan}/versions", "/plans/{id}/versions")
        self.api("GET", f"/plans/{plan}/changelog", "/plans/{id}/changelog")

    @task(1)
    def answer(self) -> None:
        """Comment on a plan."""
        rows = self.api("GET", "/plans?status=pending", "/plans?status=pending").json()["results"]
        if rows:
            self.ask("GET", "/admin/", "GET /admin/", want=(200, 302), Accept="text/html")  # on to where one starts
            message = {"message": "Synthetic: take the first one easy.", "visibility": "shared"}
            path = f"/plans/{random.choice(rows)['id']}/comments"
            self.api("POST", path, "/plans/{id}/comments", message, want=(201,))

    def _edit(self, plan: str, *, submit: bool) -> None:
        answer = self.api("GET", f"/plans/{plan}", "/plans/{id}")
        if answer.status_code != 200:
            return
        tag, head = answer.headers["ETag"], answer.json()["head_version"]["id"]
        version = self.api("GET", f"/plans/{plan}/versions/{head}", "/plans/{id}/versions/{id}").json()
        today = datetime.now(UTC).date().isoformat()
        sessions = [one for week in version["weeks"] for one in week["sessions"]]
        open_ = [one for one in sessions if one["kind"] not in ("rest", "race") and one["day"] > today]
        self.api("POST", f"/plans/{plan}/what-if", "/plans/{id}/what-if", {"operations": []})
        one = random.choice(open_)
        path = f"/sessions/{one['session_id']}/prescribed_work/duration_min"
        minutes = max(20, round(one["prescribed_work"]["duration_min"] * random.uniform(0.85, 0.99)))
        operations = [{"op": "replace", "path": path, "value": minutes, "reason": "fatigue"}]
        self.api("POST", f"/plans/{plan}/what-if", "/plans/{id}/what-if", {"operations": operations})
        saved = self.api(
            "PATCH", f"/plans/{plan}/versions/{head}", "/plans/{id}/versions/{id}", operations,
            If_Match=tag, Prefer="return=minimal",
        )  # fmt: skip
        if submit and saved.status_code == 200:
            said = {"reason": "coach_judgement"}
            tag = saved.headers["ETag"]
            self.api("POST", f"/plans/{plan}/submit", "/plans/{id}/submit", said, If_Match=tag)


class Operator(Paged):
    """An administrator or a data scientist: rollouts, flags, the audit log, everybody's plans."""

    weight = 4

    def on_start(self) -> None:
        number = next(_operators)
        self.is_admin = number % 3 != 2
        who = ("admin", "admin2", "scientist")[number % 3]
        self.log_in(f"{who}@{DEMO_DOMAIN}", DEMO_PASSWORD)

    @task(4)
    def rollouts(self) -> None:
        text = self.page("/admin/rollout/rollout/", "/admin/rollout/rollout/")
        if found := re.search(r'href="(/admin/rollout/rollout/[0-9a-f-]{36}/change/)', text):
            self.page(found[1], "/admin/rollout/rollout/{id}/change/")

    @task(2)
    def flags(self) -> None:
        self.page("/admin/rollout/flag/", "/admin/rollout/flag/")
        self.ask("GET", f"{API}/flags/config", "GET /flags/config")

    @task(3)
    def watch(self) -> None:
        if self.is_admin:
            self.page("/admin/telemetry/alertincident/", "/admin/telemetry/alertincident/")
        self.ask("GET", "/health/ready", "GET /health/ready")

    @task(2)
    def experiments(self) -> None:
        self.page("/admin/experiments/experiment/", "/admin/experiments/experiment/")

    @task(2)
    def audit(self) -> None:
        if self.is_admin:
            self.page("/admin/audit/auditevent/", "/admin/audit/auditevent/")

    @task(2)
    def everybody(self) -> None:
        """Search among all athletes, and turn two pages of all plans."""
        if not self.is_admin:
            return
        self.page("/admin/accounts/athlete/?q=Running+07", "/admin/accounts/athlete/?q=")
        self.page("/admin/plans/plan/", "/admin/plans/plan/")
        found = self.api("GET", "/plans", "/plans (everybody's)")
        after = found.json()["next"] if found.status_code == 200 else None
        if after:
            path = after[after.index(API) + len(API) :]
            self.api("GET", path, "/plans?cursor= (everybody's)")
