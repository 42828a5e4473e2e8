"""The chain: by hand and at night, whole, cut off and failing; the champion stays whatever happens."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from common import clock, jobs
from common.context import COMMAND_LINE, unit_of_work
from common.errors import WrongState
from common.jobs import Job
from experiments.lifecycle import Command
from experiments.models import Experiment
from experiments.services.running import step as move
from modeling.models import AlgorithmVersion, TrainingRun
from modeling.services.training_runs import LEASE, begin_run, end_run
from modeling.versions import champion_name
from plans import jobs as plan_jobs
from plans.management.commands import retrain as command
from plans.services import retrain as chain
from plans.services.retrain import STEPS, retrain, take_step
from plans.services.retrain_parts import NothingToLearn, Parts
from plans.tasks import retrain as nightly_task
from tests.factories import make_user
from tests.modeling.registry import trained

pytestmark = pytest.mark.django_db


class Learner:
    """Parts of our own: what is exported and learned is told beforehand, what was asked is kept."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def export(self, progress):
        progress("export", 1, 1)
        self.asked.append("export")

    def train(self, as_of, champion, progress):
        for name in ("features", "train", "evaluate", "gate"):
            progress(name, 0, 2)
            progress(name, 2, 2)
        self.asked.append((as_of, champion.name))
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @property
    def parts(self):
        return Parts(self.export, self.train)


class DamagedStore(Exception):
    """As the feature store's reader raises it."""


@pytest.fixture
def told(monkeypatch):
    found: list[str] = []
    monkeypatch.setattr(chain, "raise_alert", lambda name, *, text, **_: found.append(text))
    return found


def test_a_pass_is_a_candidate_and_a_draft_that_a_person_starts(told):
    learner, seen = Learner(trained()), []
    run = retrain(acting_user=COMMAND_LINE, parts=learner.parts, progress=lambda *at: seen.append(at))
    version = AlgorithmVersion.objects.get()
    experiment = Experiment.objects.get()
    assert (run.status, run.trigger) == ("passed", "person")
    assert [name for name, done, _ in seen if done == 0] == ["features", "train", "evaluate", "gate"]
    assert learner.asked == ["export", (run.as_of, "1")]
    assert version.experiment_key == experiment.key == f"model-{version.name.replace('.', '-')}"
    assert (experiment.status, experiment.protocol["parameter"]) == ("draft", "algorithm_version")
    assert "Power is not known" in experiment.description
    assert champion_name() == "1"
    assert told == []


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (NothingToLearn("The feature store is empty."), "nothing", "is empty"),
        (NothingToLearn("One athlete is too few; 20 are needed."), "nothing", "One athlete"),
        (DamagedStore("sessions/month=2026-10/part.parquet is no Parquet file"), "failed", "month=2026-10"),
        (MemoryError("no room"), "failed", "MemoryError"),
        (trained(refused="Worse for running, beginner."), "refused", "Worse for running"),
        (trained(format=7), "failed", "format is 7"),
    ],
)
def test_what_comes_to_nothing_says_why_and_leaves_everything(told, answer, status, says):
    run = retrain(acting_user=COMMAND_LINE, parts=Learner(answer).parts)
    assert (run.status, says in run.message) == (status, True)
    assert (AlgorithmVersion.objects.count(), Experiment.objects.count(), champion_name()) == (0, 0, "1")
    assert bool(told) is (status == "failed")
    again = retrain(acting_user=COMMAND_LINE, parts=Learner(trained()).parts)
    assert again.status == "passed"


def test_a_dry_run_writes_no_version_and_no_experiment():
    run = retrain(acting_user=COMMAND_LINE, parts=Learner(trained()).parts, dry_run=True)
    assert (run.status, run.dry_run) == ("passed", True)
    assert (AlgorithmVersion.objects.count(), Experiment.objects.count()) == (0, 0)


def test_whoever_stops_it_by_hand_leaves_a_closed_run():
    with pytest.raises(KeyboardInterrupt):
        retrain(acting_user=COMMAND_LINE, parts=Learner(KeyboardInterrupt()).parts)
    run = TrainingRun.objects.get()
    assert (run.status, run.message) == ("failed", "It was stopped before it was done.")


def test_a_run_that_was_closed_meanwhile_writes_nothing_more():
    learner = Learner(trained())

    def train(as_of, champion, progress):
        run = TrainingRun.objects.get()
        end_run(run_id=run.pk, status="failed", message="its lease ran out", acting_user=COMMAND_LINE)
        progress("features", 0, 1)

    with pytest.raises(WrongState, match="ended already"):
        retrain(acting_user=COMMAND_LINE, parts=Parts(learner.export, train))
    assert AlgorithmVersion.objects.count() == 0


def test_one_question_at_a_time_and_the_newest_candidate_comes_next():
    def night(mark):
        return retrain(acting_user=COMMAND_LINE, parts=Learner(trained(mark)).parts)

    night("a")
    first = Experiment.objects.get()
    night("b")
    night("c")
    assert Experiment.objects.count() == 1
    told = {"key": first.key, "reason": "test", "expected": None, "acting_user": COMMAND_LINE}
    move(command=Command.START, **told)
    night("d")
    assert Experiment.objects.count() == 1
    move(command=Command.COMPLETE, **told)
    run = retrain(acting_user=COMMAND_LINE, parts=Learner(NothingToLearn("No new data.")).parts)
    assert run.status == "nothing"
    newest = AlgorithmVersion.objects.order_by("-id")[0]
    assert sorted(Experiment.objects.values_list("key", flat=True)) == sorted([first.key, newest.experiment_key])


def test_a_proposal_that_fails_is_told_and_done_by_the_next_run(told, monkeypatch):
    def fails(**given):
        raise RuntimeError("no such metric")

    with monkeypatch.context() as patch:
        patch.setattr(chain, "propose_newest", fails)
        assert retrain(acting_user=COMMAND_LINE, parts=Learner(trained()).parts).status == "passed"
    assert "no experiment was proposed: RuntimeError: no such metric" in told[0]
    retrain(acting_user=COMMAND_LINE, parts=Learner(NothingToLearn("No new data.")).parts)
    assert Experiment.objects.get().key == AlgorithmVersion.objects.get().experiment_key


def test_mlflow_that_is_down_costs_the_run_nothing(told, settings):
    settings.MLFLOW_TRACKING_URI = "http://127.0.0.1:9"
    assert retrain(acting_user=COMMAND_LINE, parts=Learner(trained()).parts).status == "passed"
    assert AlgorithmVersion.objects.get().experiment_key
    assert "MLflow was not told" in told[0]


# At night: each step is a job.


@pytest.fixture
def night(monkeypatch, django_capture_on_commit_callbacks):
    """Begin a night with parts of our own; jobs wait until `work` runs them one by one, as a worker does."""
    monkeypatch.setattr(jobs, "_dispatch_on_commit", lambda job_id: None)

    def begin(learner):
        real = take_step
        monkeypatch.setattr(plan_jobs, "take_step", lambda **given: real(**{**given, "parts": learner.parts}))
        nightly_task()
        return TrainingRun.objects.first()

    return begin


def work() -> list[str]:
    """Run what is queued, and return the steps."""
    queued = list(Job.objects.filter(state="queued").order_by("id"))
    for job in queued:
        jobs.run_job(job.pk, worker="a")
    return [job.payload["step"] for job in queued]


def test_the_night_goes_step_by_step_and_comes_once(night):
    run = night(Learner(trained()))
    assert [work() for _ in range(4)] == [["export"], ["train"], ["propose"], []]
    run.refresh_from_db()
    assert (run.status, run.trigger) == ("passed", "nightly")
    assert Experiment.objects.count() == 1
    nightly_task()
    assert TrainingRun.objects.count() == 1
    with clock.frozen(clock.now() + timedelta(days=1)):
        nightly_task()
    assert TrainingRun.objects.count() == 2


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before it said that it was done", "in the middle"])
def test_a_worker_killed_at_any_step_is_made_up_for(night, step, when, monkeypatch):
    learner = Learner(trained(), trained(), trained())
    run = night(learner)
    for _ in range(STEPS.index(step)):
        work()
    job = Job.objects.get(state="queued")
    with monkeypatch.context() as patch:
        if when == "in the middle":
            patch.setattr(plan_jobs, "take_step", _killed)
        else:
            patch.setattr(jobs, "finish", _killed)
        with pytest.raises(Killed):
            jobs.run_job(job.pk, worker="a")
    with clock.frozen(clock.now() + timedelta(seconds=plan_jobs.RETRAIN_LEASE_SECONDS + 1)):
        jobs.sweep_stale()
        while work():
            pass
    run.refresh_from_db()
    assert run.status == "passed"
    assert (AlgorithmVersion.objects.count(), Experiment.objects.count()) == (1, 1)
    assert not Job.objects.exclude(state="done").exists()


class Killed(BaseException):
    """As SIGKILL: nothing that the code would tidy up is tidied up."""


def _killed(*args, **kwargs):
    raise Killed


def test_a_step_that_kills_its_workers_ends_the_run_and_the_next_night_begins(night, told, monkeypatch):
    run = night(Learner())
    with monkeypatch.context() as patch:
        patch.setattr(plan_jobs, "take_step", _killed)
        now = clock.now()
        for number in range(1, jobs.MAX_ATTEMPTS + 1):
            with pytest.raises(Killed):
                jobs.run_job(Job.objects.get().pk, worker="a")
            now += timedelta(seconds=plan_jobs.RETRAIN_LEASE_SECONDS + number)
            with clock.frozen(now):
                report = jobs.sweep_stale()
    assert report.given_up == 1
    run.refresh_from_db()
    assert (run.status, "lost 3 times" in run.message) == ("failed", True)
    assert "The champion stays" in told[0]


def test_another_run_keeps_the_night_away_until_its_lease_is_over(night):
    with unit_of_work(COMMAND_LINE):
        begin_run(as_of=clock.now(), trigger="person", acting_user=COMMAND_LINE)
    night(Learner(trained()))
    assert TrainingRun.objects.count() == 1
    with clock.frozen(clock.now() + LEASE + timedelta(minutes=1)):
        night(Learner(trained()))
        assert list(TrainingRun.objects.values_list("status", flat=True)) == ["running", "failed"]


# The command.


def by_hand(monkeypatch, *answers, args=()):
    learner = Learner(*answers)
    monkeypatch.setattr(command, "retrain", lambda **given: retrain(**given, parts=learner.parts))
    return learner, lambda: call_command("retrain", "--json", *args)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (trained(), 0),
        (NothingToLearn("No tests yet."), 0),
        (DamagedStore("a file"), 1),
        (trained(refused="Worse."), 4),
    ],
)
def test_the_command_says_how_it_ended_by_its_code(monkeypatch, capsys, told, answer, code):
    _, call = by_hand(monkeypatch, answer)
    if code:
        with pytest.raises(CommandError) as caught:
            call()
        assert caught.value.returncode == code
    else:
        call()
    document = json.loads(capsys.readouterr().out)
    assert document["status"] == TrainingRun.objects.get().status
    assert document["message"]


def test_the_command_refuses_a_second_run_a_moment_ahead_and_who_may_not(monkeypatch, capsys):
    for args, code in (
        (("--as-of", "2999-01-01"), 2),
        (("--as-of", "noon"), 2),
        (("--as", make_user("coach").email), 3),
    ):
        _, call = by_hand(monkeypatch, trained(), args=args)
        with pytest.raises(CommandError) as caught:
            call()
        assert caught.value.returncode == code, args
    begin_run(as_of=clock.now(), trigger="person", acting_user=COMMAND_LINE)
    _, call = by_hand(monkeypatch, trained())
    with pytest.raises(CommandError) as caught:
        call()
    assert caught.value.returncode == 4
    assert TrainingRun.objects.count() == 1


def test_the_command_learns_from_what_was_known_on_a_day(monkeypatch, capsys):
    learner, call = by_hand(monkeypatch, trained(), args=("--as-of", "2026-03-01", "--dry-run"))
    call()
    assert learner.asked[1][0].date() == datetime(2026, 3, 1, tzinfo=UTC).date()
    assert json.loads(capsys.readouterr().out)["version"] is None
