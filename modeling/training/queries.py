"""The point-in-time joins, in SQL (DuckDB). Times are microseconds and days are numbers since 1970, both UTC.

Every feature is joined on `available_at` at or before `decided_us`; `modeling.learned.measures` defines the measured
ones, and a test rebuilds each row from there. Sums are of whole numbers: a sum of floats would depend on the order in
which two threads meet.
"""

from __future__ import annotations

from typing import Final

from modeling.learned.context import KINDS, REASONS
from modeling.learned.measures import LONG_DAYS, SHORT_DAYS, SHRINK_SESSIONS

DAY_US: Final = 86_400_000_000
GRACE_DAYS: Final = 3
"""A session may be reported until three days after its day; then its label is mature."""
ADHERENCE_DAYS: Final = 28
PERFORMANCE_DAYS: Final = 56

_KINDS: Final = ", ".join(f"'{kind}'" for kind in KINDS)
_REASONS: Final = "[" + ", ".join(f"'{reason}'" for reason in REASONS) + "]"
_DAY: Final = "({} - date '1970-01-01')"

PROPOSALS: Final = f"""
create temp table proposals as
select p.plan, p.version_number, p.athlete, p.coach as plan_coach, p.algorithm_version, p.experiment, p.variant,
       s.decided_us, s.decided_us // {DAY_US} as decided_day
from plans p join (
    select s.plan, s.version_number, max(greatest(epoch_us(s.available_at), epoch_us(p.available_at))) as decided_us
    from sessions s join plans p using (plan, version_number) where s.role = 'proposed' group by all
) s using (plan, version_number);
create temp table eligible as
select s.plan, s.version_number, s.session, {_DAY.format("s.day")} as day, s.kind, s.phase, s.minutes, s.load,
       s.key_session, s.is_recovery, s.week_number, s.weeks_to_race
from sessions s join proposals p using (plan, version_number)
where s.role = 'proposed' and s.kind in ({_KINDS}) and {_DAY.format("s.day")} >= p.decided_day;
create temp table submissions as
select review, plan, baseline_number as version_number, coach, epoch_us(available_at) as us
from reviews where decision = 'submit';
create temp table decisions as
select row_number() over (order by p.decided_us, p.plan, p.version_number) - 1 as decision, p.*,
       l.review, l.coach as coach, l.us as submitted_us
from proposals p join (
    select distinct on (plan, version_number) * from submissions order by plan, version_number, us desc, review desc
) l using (plan, version_number);
"""
"""A proposal counts as looked at from its submission on; where there are several, the last known one says what the
coach did."""

PROFILES: Final = """
create temp table profiles as
select d.decision, a.us as athletes_us, a.sport, a.level, a.tier, a.birth_year
from decisions d asof left join (
    select distinct on (athlete, us) * from (select *, epoch_us(available_at) as us from athletes)
    order by athlete, us, level, tier, sport, birth_year
) a on d.athlete = a.athlete and d.decided_us >= a.us;
"""

LOADS: Final = f"""
create temp table loads as
select d.decision, max(a.us) as activities_us, sum(a.milli) as long_milli,
       coalesce(sum(a.milli) filter (where a.day >= d.decided_day - {SHORT_DAYS}), 0) as short_milli
from decisions d join (
    select athlete, {_DAY.format("day")} as day, epoch_us(available_at) as us, round(load * 1000)::bigint as milli
    from activities
) a on a.athlete = d.athlete and a.day >= d.decided_day - {LONG_DAYS} and a.day < d.decided_day
   and a.us <= d.decided_us
group by d.decision;
"""

DUE: Final = f"""
create temp table due as
select s.athlete, hash(s.plan, s.session) as key, {_DAY.format("s.day")} as day, s.kind, v.us as published_us
from sessions s join (
    select plan, version_number, us, us // {DAY_US} as from_day,
           lead(us // {DAY_US}) over (partition by plan order by us, version_number) as next_day
    from (
        select plan, version_number, min(epoch_us(available_at)) as us
        from sessions where role = 'published' group by all
    )
) v using (plan, version_number)
where s.role = 'published' and s.kind not in ('rest', 'race')
  and {_DAY.format("s.day")} >= v.from_day and (v.next_day is null or {_DAY.format("s.day")} < v.next_day);
create temp table said as
select distinct on (key, us) key, us, half from (
    select hash(plan, session) as key, completion, epoch_us(available_at) as us,
           case status when 'done' then 2 when 'partly' then 1 else 0 end as half
    from completions
) order by key, us, completion desc;
"""
"""A session is due by the version that was in force on its day. Keys of 64 bits instead of two ids: among a million
sessions two share one with a probability of 3e-8."""


def _adherence(name: str, first: str, last: str, known_us: str) -> str:
    return f"""
create temp table {name} as
select decision, count(*) as due, sum(half) as halves, max(us) as us from (
    select w.decision, coalesce(max(c.half), 0) as half, greatest(max(c.us), max(w.published_us)) as us
    from (
        select d.decision, u.key, u.published_us, {known_us} as known_us
        from decisions d join due u on u.athlete = d.athlete and u.day >= {first} and u.day < {last}
    ) w asof left join said c on c.key = w.key and w.known_us >= c.us
    group by w.decision, w.key
) group by decision;
"""


ADHERENCE: Final = _adherence("before", f"d.decided_day - {LONG_DAYS}", "d.decided_day", "d.decided_us") + _adherence(
    "following",
    "d.decided_day",
    f"d.decided_day + {ADHERENCE_DAYS}",
    f"(d.decided_day + {ADHERENCE_DAYS + GRACE_DAYS}) * {DAY_US}",
)

COACHES: Final = f"""
create temp table counts as
select s.review, s.coach, s.us, e.looked_at, coalesce(o.changed, 0) as changed
from submissions s join (
    select plan, version_number, count(*) as looked_at from eligible group by all
) e using (plan, version_number) left join (
    select o.review, count(distinct o.session) as changed
    from overrides o join eligible e
      on e.plan = o.plan and e.version_number = o.baseline_number and e.session = o.session
    where o.adjustment <> 'add' group by all
) o using (review);
create temp table own as
select coach, us, sum(looked_at) over so_far as looked_at, sum(changed) over so_far as changed from (
    select coach, us, sum(looked_at) as looked_at, sum(changed) as changed
    from counts where coach is not null group by all
) window so_far as (partition by coach order by us rows unbounded preceding);
create temp table everybody as
select us, sum(looked_at) over so_far as looked_at, sum(changed) over so_far as changed from (
    select us, sum(looked_at) as looked_at, sum(changed) as changed from counts group by all
) window so_far as (order by us rows unbounded preceding);
create temp table shares as
select d.decision, a.us as coaches_us,
       case when d.plan_coach is null or a.looked_at is null then null else
         (coalesce(o.changed, 0) + {SHRINK_SESSIONS} * (a.changed::double / a.looked_at::double))
         / (coalesce(o.looked_at, 0) + {SHRINK_SESSIONS})
       end as coach_share
from (select decision, decided_us, plan_coach from decisions) d
asof left join everybody a on d.decided_us >= a.us
asof left join own o on d.plan_coach = o.coach and d.decided_us >= o.us;
"""
"""Own submissions need no leaving out: they come after the decision."""

REASONS_BEFORE: Final = f"""
create temp table weeks as
select d.decision, w.week, bit_or(o.bit) as reasons, max(o.us) as overrides_us
from decisions d
join (select distinct d.decision, (e.day + 3) // 7 as week
      from decisions d join eligible e using (plan, version_number)) w using (decision)
join (select athlete, ({_DAY.format("day")} + 3) // 7 as week, epoch_us(available_at) as us,
             (1 << (list_position({_REASONS}, reason) - 1)::int) as bit
      from overrides where list_contains({_REASONS}, reason)) o
  on o.athlete = d.athlete and o.week = w.week - 1 and o.us <= d.decided_us
group by all;
"""
"""Weeks begin on Mondays; 1970-01-01 was a Thursday."""

PERFORMANCE: Final = f"""
create temp table scores as
select athlete, test, value, {_DAY.format("day")} as day, epoch_us(available_at) as us from tests where value > 0;
create temp table performance as
select b.decision, 100.0 * (f.value / b.value - 1.0) as change_percent from (
    select distinct on (d.decision) d.decision, s.value
    from decisions d join scores s on s.athlete = d.athlete and s.day < d.decided_day and s.us <= d.decided_us
    order by d.decision, s.day desc, s.us desc, s.test
) b join (
    select distinct on (d.decision) d.decision, s.value
    from decisions d join scores s on s.athlete = d.athlete
     and s.day >= d.decided_day and s.day < d.decided_day + {PERFORMANCE_DAYS}
     and s.us <= (d.decided_day + {PERFORMANCE_DAYS + GRACE_DAYS}) * {DAY_US}
    order by d.decision, s.day, s.us, s.test
) f using (decision);
"""

DONE: Final = f"""
create temp table reported as
select u.decision, u.session, coalesce(c.half, 0) as half from (
    select d.decision, e.session, u.key, (e.day + {1 + GRACE_DAYS}) * {DAY_US} as known_us
    from decisions d join eligible e using (plan, version_number)
    join (select distinct key, day, kind from due) u
      on u.key = hash(e.plan, e.session) and u.day = e.day and u.kind = e.kind
) u asof left join said c on c.key = u.key and u.known_us >= c.us;
drop table due;
drop table said;
create temp table acted as
select review, session, max(epoch_us(available_at)) as us,
       bool_or(adjustment = 'volume') as volume, max(volume_factor) as volume_factor,
       bool_or(adjustment = 'swap') as swap, max(to_kind) filter (where adjustment = 'swap') as to_kind,
       bool_or(adjustment = 'move') as move, max(day_shift) as day_shift,
       bool_or(adjustment = 'rest') as rest
from overrides where adjustment <> 'add' group by review, session;
"""

DECISIONS: Final = """
select d.decision, d.athlete, d.plan, d.version_number, d.coach, d.decided_us, d.submitted_us, d.decided_day,
       d.algorithm_version, d.experiment, d.variant, p.athletes_us, p.sport, p.level, p.tier, p.birth_year,
       l.activities_us, l.short_milli, l.long_milli, b.due as before_due, b.halves as before_halves,
       b.us as completions_us, s.coach_share, s.coaches_us, f.due as following_due, f.halves as following_halves,
       t.change_percent
from decisions d
left join profiles p using (decision)
left join loads l using (decision)
left join before b using (decision)
left join following f using (decision)
left join shares s using (decision)
left join performance t using (decision)
order by d.decision
"""
SESSIONS: Final = """
select d.decision, e.session, e.day, e.kind, e.phase, e.minutes, e.load, e.key_session, e.is_recovery, e.week_number,
       e.weeks_to_race, w.reasons, w.overrides_us, a.us as acted_us, a.volume, a.volume_factor, a.swap, a.to_kind,
       a.move, a.day_shift, a.rest, a.review is not null as changed, r.half as reported_half
from decisions d
join eligible e using (plan, version_number)
left join weeks w on w.decision = d.decision and w.week = (e.day + 3) // 7
left join acted a on a.review = d.review and a.session = e.session
left join reported r on r.decision = d.decision and r.session = e.session
order by d.decision, e.day, e.session
"""
"""Apart, so that what is true of a whole proposal is joined once."""

PREPARATION: Final = (PROPOSALS, PROFILES, LOADS, DUE, ADHERENCE, COACHES, REASONS_BEFORE, PERFORMANCE, DONE)
