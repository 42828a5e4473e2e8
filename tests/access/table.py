"""Who gets what from every address: one row a route and method, one column a way to stand to Ann (`world.COLUMNS`).

    ok   let in: the answer speaks of Ann, or what was sent was taken (or refused for what it says: 400, 409, 412, 428)
    say  let in, and the form comes back and says what is wrong with it
    nil  let in, and the answer says nothing of her
    403  visible or not, the role or relation may not do this
    404  there is no such thing for this person
    401  nobody, or nobody who may log in
    log  led to the log-in page
    405  no such method

The columns, in order: nobody; a deactivated log-in; an administrator; her coach; another athlete's coach; a coach whose
link ended; one whose link begins tomorrow; one with whom her plan is shared; one who was given access to her; Ann;
another athlete; support of her team, of another team, with whom her plan is shared, who was given access to her; a data
scientist; compliance. `any` is every method of the route; a `*` stands for several routes of a library or of one shape;
`@draft` asks about a plan that nobody released to Ann; `@erased` about another athlete of her coach and team, whose
data were erased: nobody holds a grant there, and Ann is a stranger.

What each block follows (verbs are those of `accounts.matrix`, B2; grants widen reach, never rights):

Open: no verb; a secret in the address or the body decides, or the answer is the same for everybody.
A person's own: the verb on the caller's own athlete. Who has none: 404; whose role lacks the verb: 403 before anything
    is read. A job is its asker's alone: administrators do not see the coach's `plan-request` either.
Athletes, plans over REST: 403 where the role lacks the verb, whoever it is about; else 404 outside the caller's reach;
    else 403 where the verb reaches fewer than `…:view` does (a shared plan shows the athlete's name, no more).
    Reading: plan:view, athlete:view, history:view, model:view. Writing needs a verb that no grant gives: plan:edit,
    plan:approve (athlete; administrators by override), history:import and :correct, model:fit, athlete:edit. Comments:
    plan:comment, by whoever has it on each plan that they see; support reads them. `model` fits what is not fitted yet
    and so needs model:fit as well, `test-proposals` are shown to who may accept them: both refuse grants.
Audit log: audit:read (administrators, compliance); athletes get the proof of what concerns them.
Pages: as REST, but athletes have no console (`log`), and Django answers 403 for a list whose verb the role lacks, 404
    (as a redirect) for a row. Queues of our own (erasure, holds, break-glass) are 404 to who lacks their verb.
    GET of an address that only takes POST leads back to where the button is: `ok`, and says nothing.
Administration: user:manage, link:manage, athlete:grant, erasure:confirm: administrators; hold:manage, audit:review:
    compliance too or alone; rollout:manage, experiment:manage: data scientists too; telemetry:operate: administrators;
    service:view, model:manage: data scientists too; metrics:view: coaches too; coach_report:view: coaches too.
    Nothing is deleted in the console: 403 for everybody.
Flags: who is logged in asks about subjects in their scope; others are told 400, which counts as `ok` here and is
    tested with the flags.
Erased: in nobody's reach but the administrators'; new details and measurements are refused (410, `ok` here).
"""

from __future__ import annotations

import fnmatch
import functools
from typing import Final

from tests.access.world import COLUMNS

TABLE: Final = """
route                                    method non gon adm coa oth end soo pla ath own aot tea els s-p s-a sci cmp

# Open to everybody, and what a secret opens
home                                     GET    nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
home                                     POST   ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
home                                     PUT    ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
home                                     PATCH  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
home                                     DELETE ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
common:problem                           GET    nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
common:problem                           POST   405 405 405 405 405 405 405 405 405 405 405 405 405 405 405 405 405
common:health-*                          GET    nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
common:health-*                          POST   405 405 405 405 405 405 405 405 405 405 405 405 405 405 405 405 405
auth-token                               POST   ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
auth-token-refresh                       POST   ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
auth-logout                              POST   ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
schema                                   GET    nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
api-docs                                 GET    nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
page-texts                               GET    nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
page-texts                               POST   405 405 405 405 405 405 405 405 405 405 405 405 405 405 405 405 405
rest_framework:login                     GET    nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
rest_framework:login                     POST   say say say say say say say say say say say say say say say say say
rest_framework:login                     PUT    ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
rest_framework:logout                    POST   ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
admin_password_reset                     GET    nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
admin_password_reset                     POST   say say say say say say say say say say say say say say say say say
admin_password_reset                     PUT    ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
password_reset_done                      GET    nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
password_reset_confirm                   GET    nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
password_reset_confirm                   POST   ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
password_reset_confirm                   PUT    ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
password_reset_complete                  GET    nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
calendar-feed                            GET    ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
calendar-feed                            POST   405 405 405 405 405 405 405 405 405 405 405 405 405 405 405 405 405
admin:login                              GET    nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
admin:login                              POST   say say say say say say say say say say say say say say say say say
admin:logout                             GET    nil nil 405 405 405 405 405 405 405 nil nil 405 405 405 405 405 405
admin:logout                             POST   ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok

# A person's own
me                                       GET    401 401 nil nil nil nil nil nil nil ok  nil nil nil nil nil nil nil
me-preferences                           GET    401 401 nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
me-preferences                           PATCH  401 401 ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
preferences                              GET    log log nil nil nil nil nil nil nil log log nil nil nil nil nil nil
preferences                              POST   log log ok  ok  ok  ok  ok  ok  ok  log log ok  ok  ok  ok  ok  ok
me-today                                 GET    401 401 404 404 404 404 404 404 404 nil nil 404 404 404 404 403 403
me-week                                  GET    401 401 404 404 404 404 404 404 404 ok  nil 404 404 404 404 403 403
me-adherence                             GET    401 401 404 404 404 404 404 404 404 nil nil 404 404 404 404 403 403
me-results                               POST   401 401 404 404 404 404 404 404 404 ok  ok  403 403 403 403 403 403
me-settings                              GET    401 401 404 404 404 404 404 404 404 ok  nil 404 404 404 404 403 403
me-settings                              PATCH  401 401 404 404 404 404 404 404 404 ok  ok  403 403 403 403 403 403
me-consent                               PUT    401 401 404 403 403 403 403 403 403 ok  ok  403 403 403 403 403 403
me-calendar                              POST   401 401 404 404 404 404 404 404 404 ok  ok  403 403 403 403 403 403
me-calendar-revoke                       DELETE 401 401 ok  ok  404 404 404 404 403 ok  404 403 403 403 403 403 403
notifications                            GET    401 401 nil ok  nil nil nil nil nil ok  nil nil nil nil nil nil nil
notifications-read                       POST   401 401 ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
admin:accounts_notification_read         GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:accounts_notification_read         POST   log log ok  ok  ok  ok  ok  ok  ok  log log ok  ok  ok  ok  ok  ok
admin:accounts_notification_changelist   GET    log log nil ok  nil nil nil nil nil log log nil nil nil nil nil nil
admin:accounts_notification_changelist   POST   log log ok  ok  ok  ok  ok  ok  ok  log log ok  ok  ok  ok  ok  ok
admin:accounts_notification_add          any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_notification_history      any    log log 404 404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:accounts_notification_delete       any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_notification_change       any    log log ok  ok  ok  ok  ok  ok  ok  log log ok  ok  ok  ok  ok  ok
admin:password_change                    GET    log log nil nil nil nil nil nil nil log log nil nil nil nil nil nil
admin:password_change                    POST   log log say say say say say say say log log say say say say say say
admin:password_change_done               GET    log log nil nil nil nil nil nil nil log log nil nil nil nil nil nil
admin:password_change_done               POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
me-erasure                               GET    401 401 404 403 403 403 403 403 403 404 404 403 403 403 403 403 403
me-erasure                               POST   401 401 404 403 403 403 403 403 403 ok  ok  403 403 403 403 403 403

# Athletes and their numbers
athletes                                 GET    401 401 ok  ok  nil nil nil ok  ok  ok  nil ok  nil ok  ok  403 403
athlete-grants                           any    401 401 ok  403 403 403 403 403 403 403 403 403 403 403 403 403 403
athlete-grant                            DELETE 401 401 ok  403 403 403 403 403 403 403 403 403 403 403 403 403 403
athlete-schedule                         GET    401 401 ok  ok  404 404 404 403 ok  ok  404 ok  404 403 ok  403 403
activities                               GET    401 401 ok  ok  404 404 404 403 ok  ok  404 403 403 403 403 403 403
activities                               POST   401 401 ok  ok  404 404 404 403 403 ok  404 403 403 403 403 403 403
tests                                    GET    401 401 ok  ok  404 404 404 403 ok  ok  404 403 403 403 403 403 403
tests                                    POST   401 401 ok  ok  404 404 404 403 403 ok  404 403 403 403 403 403 403
thresholds                               GET    401 401 ok  ok  404 404 404 403 ok  ok  404 403 403 403 403 403 403
thresholds                               POST   401 401 ok  ok  404 404 404 403 403 ok  404 403 403 403 403 403 403
test-proposals                           any    401 401 ok  ok  404 404 404 403 403 ok  404 403 403 403 403 403 403
test-proposals-accept                    POST   401 401 ok  ok  404 404 404 403 403 ok  404 403 403 403 403 403 403
model                                    any    401 401 ok  ok  404 404 404 403 403 ok  404 403 403 403 403 403 403
correction                               POST   401 401 ok  ok  404 404 404 404 403 ok  404 403 403 403 403 403 403

# Plans
plans                                    GET    401 401 ok  ok  nil nil nil ok  ok  ok  nil ok  nil ok  ok  403 403
plans                                    POST   401 401 ok  ok  404 404 404 403 403 ok  404 403 403 403 403 403 403
plan                                     GET    401 401 ok  ok  404 404 404 ok  ok  ok  404 ok  404 ok  ok  403 403
plan@draft                               GET    401 401 ok  ok  404 404 404 404 ok  404 404 ok  404 404 ok  403 403
plan-versions                            GET    401 401 ok  ok  404 404 404 ok  ok  ok  404 ok  404 ok  ok  403 403
plan-versions@draft                      GET    401 401 ok  ok  404 404 404 404 ok  404 404 ok  404 404 ok  403 403
plan-version                             GET    401 401 ok  ok  404 404 404 ok  ok  ok  404 ok  404 ok  ok  403 403
plan-version                             PATCH  401 401 ok  ok  404 404 404 403 403 403 403 403 403 403 403 403 403
plan-version@draft                       GET    401 401 ok  ok  404 404 404 404 ok  404 404 ok  404 404 ok  403 403
plan-version@draft                       PATCH  401 401 ok  ok  404 404 404 404 403 403 403 403 403 403 403 403 403
plan-what-if                             POST   401 401 ok  ok  404 404 404 403 ok  ok  404 403 403 403 403 403 403
plan-what-if@draft                       POST   401 401 ok  ok  404 404 404 404 ok  404 404 403 403 403 403 403 403
plan-look                                POST   401 401 ok  ok  404 404 404 ok  ok  ok  404 ok  404 ok  ok  403 403
plan-look@draft                          POST   401 401 ok  ok  404 404 404 404 ok  404 404 ok  404 404 ok  403 403
plan-submit                              POST   401 401 ok  ok  404 404 404 403 403 403 403 403 403 403 403 403 403
plan-approve                             POST   401 401 ok  403 403 403 403 403 403 ok  404 403 403 403 403 403 403
plan-shares                              any    401 401 ok  ok  404 404 404 403 403 403 403 403 403 403 403 403 403
plan-share                               DELETE 401 401 ok  ok  404 404 404 403 403 403 403 403 403 403 403 403 403
plan-withdraw                            POST   401 401 ok  ok  404 404 404 403 403 403 403 403 403 403 403 403 403
plan-regenerate                          POST   401 401 ok  ok  404 404 404 403 403 403 403 403 403 403 403 403 403
plan-comments                            GET    401 401 ok  ok  404 404 404 ok  ok  ok  404 ok  404 ok  ok  403 403
plan-comments                            POST   401 401 ok  ok  404 404 404 ok  ok  ok  404 403 403 403 403 403 403
plan-comments@draft                      GET    401 401 ok  ok  404 404 404 404 ok  404 404 ok  404 404 ok  403 403
plan-comments@draft                      POST   401 401 ok  ok  404 404 404 404 ok  404 404 403 403 403 403 403 403
plan-comment-resolve                     POST   401 401 ok  ok  404 404 404 ok  ok  ok  404 403 403 403 403 403 403
plan-comment-tags                        PUT    401 401 ok  ok  404 404 404 403 403 403 403 403 403 403 403 403 403
plan-changelog                           GET    401 401 ok  ok  404 404 404 ok  ok  ok  404 ok  404 ok  ok  403 403
plan-changelog@draft                     GET    401 401 ok  ok  404 404 404 404 ok  404 404 ok  404 404 ok  403 403
plan-changelog-csv                       GET    401 401 ok  ok  404 404 404 ok  ok  ok  404 ok  404 ok  ok  403 403
plan-proof                               GET    401 401 ok  ok  404 404 404 ok  ok  ok  404 ok  404 ok  ok  403 403
plan-feedback                            POST   401 401 ok  403 403 403 403 403 403 ok  404 403 403 403 403 403 403
plan-request                             GET    401 401 404 ok  404 404 404 404 404 404 404 403 403 403 403 403 403
session-completion                       POST   401 401 ok  ok  404 404 404 403 403 ok  404 403 403 403 403 403 403
session-move                             POST   401 401 ok  403 403 403 403 403 403 ok  404 403 403 403 403 403 403
session-workout                          GET    401 401 ok  ok  404 404 404 ok  ok  ok  404 ok  404 ok  ok  403 403

# The audit log
audit-heads                              GET    401 401 nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
audit-inclusion-proof                    GET    401 401 ok  404 404 404 404 404 404 ok  404 404 404 404 404 404 ok
audit-consistency-proof                  GET    401 401 ok  403 403 403 403 403 403 403 403 403 403 403 403 403 ok
admin:audit_auditevent_changelist        any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 ok
admin:audit_auditevent_change            GET    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 ok
admin:audit_auditevent_change            POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 ok
admin:audit_athlete                      GET    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 ok
admin:audit_athlete                      POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 ok
admin:audit_export                       GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:audit_export                       POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 ok

# Pages: athletes and their numbers
admin:accounts_athlete_change            any    log log ok  ok  404 404 404 ok  ok  log log ok  404 ok  ok  404 404
admin:accounts_athlete_changelist        GET    log log ok  ok  nil nil nil ok  ok  log log ok  nil ok  ok  403 403
admin:accounts_athlete_changelist        POST   log log ok  ok  ok  ok  ok  ok  ok  log log ok  ok  ok  ok  403 403
admin:accounts_athlete_add               GET    log log ok  ok  ok  ok  ok  ok  ok  log log 403 403 403 403 403 403
admin:accounts_athlete_add               POST   log log say say say say say say say log log 403 403 403 403 403 403
admin:accounts_athlete_history           any    log log ok  ok  404 404 404 ok  ok  log log ok  404 ok  ok  404 404
admin:accounts_athlete_delete            any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:athlete_plan_history               any    log log ok  ok  404 404 404 403 ok  log log ok  404 403 ok  404 ok
admin:athlete_profile                    GET    log log ok  ok  404 404 404 403 403 log log 403 404 403 403 404 404
admin:athlete_profile                    POST   log log say say 404 404 404 403 403 log log 403 404 403 403 404 404
admin:athlete_import                     any    log log ok  ok  404 404 404 403 403 log log 403 404 403 403 404 404
admin:athlete_plan                       any    log log ok  ok  404 404 404 403 403 log log 403 404 403 403 404 404
admin:athlete_plan_request               any    log log 404 ok  404 404 404 403 403 log log 403 404 403 403 404 404
admin:athlete_test                       any    log log ok  ok  404 404 404 403 403 log log 403 404 403 403 404 404
admin:athlete_threshold                  any    log log ok  ok  404 404 404 403 403 log log 403 404 403 403 404 404
admin:athlete_fit                        GET    log log ok  ok  ok  ok  ok  ok  ok  log log ok  ok  ok  ok  ok  ok
admin:athlete_fit                        POST   log log ok  ok  404 404 404 403 403 log log 403 404 403 403 404 404
admin:athlete_proposals                  GET    log log ok  ok  ok  ok  ok  ok  ok  log log ok  ok  ok  ok  ok  ok
admin:athlete_proposals                  POST   log log ok  ok  404 404 404 403 403 log log 403 404 403 403 404 404
admin:modeling_activity_changelist       GET    log log ok  ok  nil nil nil nil ok  log log 403 403 403 403 403 403
admin:modeling_activity_changelist       POST   log log ok  ok  ok  ok  ok  ok  ok  log log 403 403 403 403 403 403
admin:modeling_activity_add              any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:modeling_activity_history          any    log log ok  ok  404 404 404 404 ok  log log 404 404 404 404 404 404
admin:modeling_activity_delete           any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:modeling_activity_change           GET    log log ok  ok  404 404 404 404 ok  log log 403 403 403 403 403 403
admin:modeling_activity_change           POST   log log say say 404 404 404 404 403 log log 403 403 403 403 403 403
admin:modeling_test_changelist           GET    log log ok  ok  nil nil nil nil ok  log log 403 403 403 403 403 403
admin:modeling_test_changelist           POST   log log ok  ok  ok  ok  ok  ok  ok  log log 403 403 403 403 403 403
admin:modeling_test_add                  any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:modeling_test_history              any    log log ok  ok  404 404 404 404 ok  log log 404 404 404 404 404 404
admin:modeling_test_delete               any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:modeling_test_change               GET    log log ok  ok  404 404 404 404 ok  log log 403 403 403 403 403 403
admin:modeling_test_change               POST   log log say say 404 404 404 404 403 log log 403 403 403 403 403 403
admin:modeling_threshold_changelist      GET    log log ok  ok  nil nil nil nil ok  log log 403 403 403 403 403 403
admin:modeling_threshold_changelist      POST   log log ok  ok  ok  ok  ok  ok  ok  log log 403 403 403 403 403 403
admin:modeling_threshold_add             any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:modeling_threshold_history         any    log log ok  ok  404 404 404 404 ok  log log 404 404 404 404 404 404
admin:modeling_threshold_delete          any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:modeling_threshold_change          GET    log log ok  ok  404 404 404 404 ok  log log 403 403 403 403 403 403
admin:modeling_threshold_change          POST   log log say say 404 404 404 404 403 log log 403 403 403 403 403 403
admin:modeling_testproposal_changelist   GET    log log ok  ok  nil nil nil nil ok  log log 403 403 403 403 403 403
admin:modeling_testproposal_changelist   POST   log log ok  ok  ok  ok  ok  ok  ok  log log 403 403 403 403 403 403
admin:modeling_testproposal_add          any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:modeling_testproposal_history      any    log log ok  ok  404 404 404 404 ok  log log 404 404 404 404 404 404
admin:modeling_testproposal_delete       any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:modeling_testproposal_change       GET    log log ok  ok  404 404 404 404 ok  log log 403 403 403 403 403 403
admin:modeling_testproposal_change       POST   log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403

# Pages: plans
admin:plans_plangrant_changelist         GET    log log ok  ok  nil nil nil nil nil log log 403 403 403 403 403 403
admin:plans_plangrant_changelist         POST   log log ok  ok  ok  ok  ok  ok  ok  log log 403 403 403 403 403 403
admin:plans_plangrant_add                GET    log log nil nil nil nil nil nil nil log log 403 403 403 403 403 403
admin:plans_plangrant_add                POST   log log ok  ok  say say say 403 403 log log 403 403 403 403 403 403
admin:plans_plangrant_history            any    log log ok  ok  404 404 404 404 404 log log 404 404 404 404 404 404
admin:plans_plangrant_delete             any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:plans_plangrant_change             GET    log log ok  ok  404 404 404 404 404 log log 403 403 403 403 403 403
admin:plans_plangrant_change             POST   log log 403 403 404 404 404 404 404 log log 403 403 403 403 403 403
admin:plans_pending                      GET    log log ok  ok  nil nil nil nil ok  log log 403 403 403 403 403 403
admin:plans_pending                      POST   log log ok  ok  ok  ok  ok  ok  ok  log log 403 403 403 403 403 403
admin:plans_compare                      any    log log ok  ok  404 404 404 ok  ok  log log ok  404 ok  ok  404 404
admin:plans_compare@draft                any    log log ok  ok  404 404 404 404 ok  log log ok  404 404 ok  404 404
admin:plans_changelog_csv                any    log log ok  ok  404 404 404 ok  ok  log log ok  404 ok  ok  404 404
admin:plans_plan_changelist              GET    log log ok  ok  nil nil nil ok  ok  log log ok  nil ok  ok  403 403
admin:plans_plan_changelist              POST   log log ok  ok  ok  ok  ok  ok  ok  log log ok  ok  ok  ok  403 403
admin:plans_plan_add                     any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:plans_plan_history                 any    log log ok  ok  404 404 404 ok  ok  log log ok  404 ok  ok  404 404
admin:plans_plan_delete                  any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:plans_plan_change                  any    log log ok  ok  404 404 404 ok  ok  log log ok  404 ok  ok  404 404
admin:plans_plan_change@draft            any    log log ok  ok  404 404 404 404 ok  log log ok  404 404 ok  404 404

# Flags
ofrep-flags                              POST   401 401 ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
ofrep-flag                               POST   401 401 ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok  ok
flags-config                             GET    nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil

# Pages: administration
admin:accounts_athletegrant_changelist   any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_athletegrant_add          GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_athletegrant_add          POST   log log say 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_athletegrant_history      any    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:accounts_athletegrant_delete       any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_athletegrant_change       GET    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_athletegrant_change       POST   log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_user_changelist           any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_user_add                  GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_user_add                  POST   log log say 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_user_history              any    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:accounts_user_delete               any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_user_change               any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_coachlink_changelist      any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_coachlink_add             GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_coachlink_add             POST   log log say 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_coachlink_history         any    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:accounts_coachlink_delete          any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_coachlink_change          any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_team_changelist           any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_team_add                  GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_team_add                  POST   log log say 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_team_history              any    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:accounts_team_delete               any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_team_change               GET    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:accounts_team_change               POST   log log say 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_rollout_changelist         any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:rollout_rollout_add                GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 nil 403
admin:rollout_rollout_add                POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:rollout_rollout_change             any    log log 404 403 403 403 403 403 403 log log 403 403 403 403 404 403
admin:rollout_rollout_live               any    log log 404 403 403 403 403 403 403 log log 403 403 403 403 404 403
admin:rollout_rollout_command            GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:rollout_rollout_command            POST   log log 404 403 403 403 403 403 403 log log 403 403 403 403 404 403
admin:rollout_incident_changelist        GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 nil 403
admin:rollout_incident_changelist        POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:rollout_incident_change            any    log log 404 403 403 403 403 403 403 log log 403 403 403 403 404 403
admin:rollout_incident_act               GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:rollout_incident_act               POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:rollout_approval_changelist        GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_approval_changelist        POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_approval_decide            GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:rollout_approval_decide            POST   log log 404 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_flag_changelist            any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:rollout_flag_add                   any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_flag_history               any    log log ok  404 404 404 404 404 404 log log 404 404 404 404 ok  404
admin:rollout_flag_delete                any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_flag_change                GET    log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:rollout_flag_change                POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:rollout_flag_command               GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:rollout_flag_command               POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:accounts_breakglass_changelist     GET    log log nil 404 404 404 404 404 404 log log 404 404 404 404 404 nil
admin:accounts_breakglass_changelist     POST   log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 ok
admin:accounts_erasurerequest_add        GET    log log nil 404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:accounts_erasurerequest_add        POST   log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:accounts_erasurerequest_change     GET    log log 404 404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:accounts_erasurerequest_change     POST   log log 404 404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:accounts_erasurerequest_changelist GET    log log nil 404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:accounts_erasurerequest_changelist POST   log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:accounts_legalhold_add             GET    log log nil 404 404 404 404 404 404 log log 404 404 404 404 404 nil
admin:accounts_legalhold_add             POST   log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 ok
admin:accounts_legalhold_changelist      GET    log log nil 404 404 404 404 404 404 log log 404 404 404 404 404 nil
admin:accounts_legalhold_changelist      POST   log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 ok
admin:break_glass_open                   GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:break_glass_open                   POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:erasure_confirm                    GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:erasure_confirm                    POST   log log 404 404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:erasure_refuse                     GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:erasure_refuse                     POST   log log 404 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:break_glass_close                  GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:break_glass_close                  POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:break_glass_review                 GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:break_glass_review                 POST   log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 404
admin:hold_lift                          GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:hold_lift                          POST   log log 404 403 403 403 403 403 403 log log 403 403 403 403 403 404

# Experiments: whose variant somebody may ask for, or tell the use of; and who manages them
assignments                              POST   401 401 ok  ok  404 404 404 403 403 ok  404 403 403 403 403 403 403
assignments-bulk                         POST   401 401 ok  ok  404 404 404 403 403 ok  404 403 403 403 403 403 403
exposures                                POST   401 401 ok  ok  404 404 404 403 403 ok  404 403 403 403 403 403 403
experiments                              GET    401 401 ok  403 403 403 403 403 403 403 403 403 403 403 403 ok  403
experiment                               GET    401 401 ok  403 403 403 403 403 403 403 403 403 403 403 403 ok  403
admin:modeling_algorithmversion_changelist GET  log log nil 403 403 403 403 403 403 log log 403 403 403 403 nil 403
admin:modeling_algorithmversion_changelist POST log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:modeling_algorithmversion_run      any    log log 404 403 403 403 403 403 403 log log 403 403 403 403 404 403
admin:modeling_algorithmversion_command  GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:modeling_algorithmversion_command  POST   log log 404 403 403 403 403 403 403 log log 403 403 403 403 404 403
admin:experiments_experiment_changelist  any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:experiments_experiment_add         GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 nil 403
admin:experiments_experiment_add         POST   log log say 403 403 403 403 403 403 log log 403 403 403 403 say 403
admin:experiments_experiment_change      any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:experiments_experiment_edit        GET    log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:experiments_experiment_edit        POST   log log say 403 403 403 403 403 403 log log 403 403 403 403 say 403
admin:experiments_experiment_command     GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:experiments_experiment_command     POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:experiments_experiment_preview     any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:experiments_experiment_results     any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
experiment-results                       GET    401 401 404 403 403 403 403 403 403 403 403 403 403 403 403 404 403
admin:experiments_experiment_results_csv any    log log 404 403 403 403 403 403 403 log log 403 403 403 403 404 403
admin:experiments_experiment_results_json any   log log 404 403 403 403 403 403 403 log log 403 403 403 403 404 403

# Support reports, and what users and stakeholders are told
reports                                  GET    401 401 nil nil nil nil nil nil nil ok  nil 403 403 403 403 403 403
reports                                  POST   401 401 ok  ok  404 404 404 403 403 ok  404 403 403 403 403 403 403
report-counts                            GET    401 401 nil 403 403 403 403 403 403 403 403 403 403 403 403 nil 403
announcements                            GET    401 401 nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil
admin:rollout_report_changelist          GET    log log ok  nil nil nil nil nil nil log log ok  nil nil nil 403 403
admin:rollout_report_changelist          POST   log log ok  ok  ok  ok  ok  ok  ok  log log ok  ok  ok  ok  403 403
admin:rollout_report_add                 GET    log log ok  ok  nil nil nil nil nil log log 403 403 403 403 403 403
admin:rollout_report_add                 POST   log log ok  ok  ok  ok  ok  ok  ok  log log 403 403 403 403 403 403
admin:rollout_report_change              any    log log ok  404 404 404 404 404 404 log log ok  404 404 404 403 403
admin:report_take                        GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:report_take                        POST   log log ok  403 403 403 403 403 403 log log ok  404 404 404 403 403
admin:report_raise                       GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:report_raise                       POST   log log ok  403 403 403 403 403 403 log log ok  404 404 404 403 403
admin:report_resolve                     GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:report_resolve                     POST   log log ok  403 403 403 403 403 403 log log ok  404 404 404 403 403
admin:rollout_news                       GET    log log nil nil nil nil nil nil nil log log nil nil nil nil nil nil
admin:rollout_news                       POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:rollout_announcement_changelist    any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_announcement_add           GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_announcement_add           POST   log log say 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_announcement_history       any    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:rollout_announcement_delete        any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_announcement_change        GET    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_announcement_change        POST   log log say 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_rolloutmessage_changelist  any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:rollout_rolloutmessage_add         any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_rolloutmessage_history     any    log log ok  404 404 404 404 404 404 log log 404 404 404 404 ok  404
admin:rollout_rolloutmessage_delete      any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:rollout_rolloutmessage_change      GET    log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
admin:rollout_rolloutmessage_change      POST   log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_deadletter_changelist    any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_deadletter_add           any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_deadletter_history       any    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:telemetry_deadletter_delete        any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_deadletter_change        GET    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_deadletter_change        POST   log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_deadletter_retry         GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:telemetry_deadletter_retry         POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_alertincident_changelist any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_alertincident_change     any    log log 404 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_alertincident_acknowledge GET   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:telemetry_alertincident_acknowledge POST  log log 404 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_alertincident_silence    GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:telemetry_alertincident_silence    POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_alertincident_unsilence  GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:telemetry_alertincident_unsilence  POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_alertincident_channel    GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:telemetry_alertincident_channel    POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_alertrule_changelist     any    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_alertrule_add            GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_alertrule_add            POST   log log say 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_alertrule_history        any    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:telemetry_alertrule_delete         any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_alertrule_change         GET    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:telemetry_alertrule_change         POST   log log say 403 403 403 403 403 403 log log 403 403 403 403 403 403
metrics                                  GET    401 401 nil 401 401 401 401 401 401 401 401 401 401 401 401 401 401
metrics                                  POST   405 405 405 405 405 405 405 405 405 405 405 405 405 405 405 405 405

# Metrics: metrics:view (administrators, data scientists, coaches of their own), service:view; nothing is built here
metrics-overview                         GET    log log nil nil nil nil nil nil nil log log 403 403 403 403 nil 403
metrics-overview                         POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
metrics-targets                          GET    log log nil nil nil nil nil nil nil log log 403 403 403 403 nil 403
metrics-targets                          POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
metrics-accuracy                         GET    log log nil nil nil nil nil nil nil log log 403 403 403 403 nil 403
metrics-accuracy                         POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
metrics-csv                              GET    log log 404 404 404 404 404 404 404 log log 403 403 403 403 404 403
metrics-csv                              POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
metrics-service                          GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 nil 403
metrics-service                          POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
metrics-service-csv                      GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 nil 403
metrics-service-csv                      POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405

# What coaches change (model:manage: administrators, data scientists), and a coach's own report (coach_report:view)
overrides                                GET    log log nil 403 403 403 403 403 403 log log 403 403 403 403 nil 403
overrides                                POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
overrides-cluster                        GET    log log 404 403 403 403 403 403 403 log log 403 403 403 403 404 403
overrides-cluster                        POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
overrides-do                             GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
overrides-do                             POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 ok  403
coach-report                             GET    log log nil nil nil nil nil nil nil log log 403 403 403 403 403 403
coach-report                             POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
coach-report-mail                        GET    log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
coach-report-mail                        POST   log log ok  ok  ok  ok  ok  ok  ok  log log 403 403 403 403 403 403

# Somebody who was erased: out of everybody's reach but the administrators' and, in the log, compliance's
athlete-grants@erased                    GET    401 401 ok  403 403 403 403 403 403 403 403 403 403 403 403 403 403
athlete-grants@erased                    POST   401 401 ok  403 403 403 403 403 403 403 403 403 403 403 403 403 403
activities@erased                        GET    401 401 ok  404 404 404 404 404 404 404 404 403 403 403 403 403 403
activities@erased                        POST   401 401 ok  404 404 404 404 404 404 404 404 403 403 403 403 403 403
tests@erased                             GET    401 401 ok  404 404 404 404 404 404 404 404 403 403 403 403 403 403
tests@erased                             POST   401 401 ok  404 404 404 404 404 404 404 404 403 403 403 403 403 403
thresholds@erased                        GET    401 401 ok  404 404 404 404 404 404 404 404 403 403 403 403 403 403
thresholds@erased                        POST   401 401 ok  404 404 404 404 404 404 404 404 403 403 403 403 403 403
model@erased                             GET    401 401 ok  404 404 404 404 404 404 404 404 403 403 403 403 403 403
model@erased                             POST   401 401 ok  404 404 404 404 404 404 404 404 403 403 403 403 403 403
plan@erased                              GET    401 401 ok  404 404 404 404 404 404 404 404 404 404 404 404 403 403
plan-versions@erased                     GET    401 401 ok  404 404 404 404 404 404 404 404 404 404 404 404 403 403
plan-version@erased                      GET    401 401 ok  404 404 404 404 404 404 404 404 404 404 404 404 403 403
plan-version@erased                      PATCH  401 401 ok  404 404 404 404 404 404 403 403 403 403 403 403 403 403
plan-what-if@erased                      POST   401 401 ok  404 404 404 404 404 404 404 404 403 403 403 403 403 403
plan-submit@erased                       POST   401 401 ok  404 404 404 404 404 404 403 403 403 403 403 403 403 403
plan-approve@erased                      POST   401 401 ok  403 403 403 403 403 403 404 404 403 403 403 403 403 403
plan-comments@erased                     GET    401 401 ok  404 404 404 404 404 404 404 404 404 404 404 404 403 403
plan-comments@erased                     POST   401 401 ok  404 404 404 404 404 404 404 404 403 403 403 403 403 403
plan-changelog@erased                    GET    401 401 ok  404 404 404 404 404 404 404 404 404 404 404 404 403 403
plan-changelog-csv@erased                GET    401 401 ok  404 404 404 404 404 404 404 404 404 404 404 404 403 403
plan-proof@erased                        GET    401 401 ok  404 404 404 404 404 404 404 404 404 404 404 404 403 403
athlete-schedule@erased                  GET    401 401 ok  404 404 404 404 404 404 404 404 404 404 404 404 403 403
session-completion@erased                POST   401 401 ok  404 404 404 404 404 404 404 404 403 403 403 403 403 403
admin:audit_athlete@erased               GET    log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 ok
admin:audit_athlete@erased               POST   log log ok  403 403 403 403 403 403 log log 403 403 403 403 403 ok
admin:accounts_athlete_change@erased     GET    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:accounts_athlete_change@erased     POST   log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:athlete_plan_history@erased        GET    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 ok
admin:athlete_plan_history@erased        POST   log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 ok
admin:athlete_profile@erased             GET    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:athlete_profile@erased             POST   log log say 404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:athlete_plan@erased                GET    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:athlete_plan@erased                POST   log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:athlete_test@erased                GET    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:athlete_test@erased                POST   log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:plans_compare@erased               GET    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:plans_compare@erased               POST   log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:plans_plan_change@erased           GET    log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:plans_plan_change@erased           POST   log log ok  404 404 404 404 404 404 log log 404 404 404 404 404 404

# Pages of libraries: closed to everybody, and addresses that only lead elsewhere
admin:auth_group_history                 any    log log 404 404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:waffle_*_history                   any    log log 404 404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:django_celery_beat_*_history       any    log log 404 404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:search                             GET    log log nil nil nil nil nil nil nil log log nil nil nil nil nil nil
admin:search                             POST   log log ok  ok  ok  ok  ok  ok  ok  log log ok  ok  ok  ok  ok  ok
admin:index                              GET    log log nil nil nil nil nil nil nil log log nil nil nil nil nil nil
admin:index                              POST   log log ok  ok  ok  ok  ok  ok  ok  log log ok  ok  ok  ok  ok  ok
admin:autocomplete                       GET    log log ok  ok  nil nil nil ok  ok  log log ok  nil ok  ok  403 403
admin:autocomplete                       POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:jsi18n                             GET    log log nil nil nil nil nil nil nil log log nil nil nil nil nil nil
admin:jsi18n                             POST   log log 405 405 405 405 405 405 405 log log 405 405 405 405 405 405
admin:view_on_site                       any    log log 404 404 404 404 404 404 404 log log 404 404 404 404 404 404
admin/*/*/<path:object_id>/              any    log log ok  ok  ok  ok  ok  ok  ok  log log ok  ok  ok  ok  ok  ok
admin:app_list                           GET    log log nil nil nil nil nil nil nil log log nil nil nil nil 404 404
admin:app_list                           POST   log log ok  ok  ok  ok  ok  ok  ok  log log ok  ok  ok  ok  404 404
admin/(?P<url>.*)$                       any    log log 404 404 404 404 404 404 404 log log 404 404 404 404 404 404
admin:auth_group_*                       any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:waffle_*                           any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
admin:django_celery_beat_*               any    log log 403 403 403 403 403 403 403 log log 403 403 403 403 403 403
"""


@functools.cache
@functools.cache
def rows() -> dict[tuple[str, str], dict[str, str]]:
    """Return {(route, method): {column: outcome}} as the table has it."""
    found = {}
    for line in TABLE.splitlines()[2:]:
        if line and not line.startswith("#"):
            name, method, *cells = line.split()
            key = (name, method)
            assert key not in found, f"two rows for {key}"
            assert len(cells) == len(COLUMNS), f"{key} has {len(cells)} cells"
            found[key] = dict(zip(COLUMNS, cells, strict=True))
    return found


@functools.cache
def row_of(name: str, method: str) -> tuple[str, str] | None:
    """Return the row that speaks of a route's method: its own, else the first whose pattern fits; None for none."""
    known = rows()
    for key in ((name, method), (name, "any")):
        if key in known:
            return key
    fitting = (key for key in known if key[1] in (method, "any") and fnmatch.fnmatchcase(name, key[0]))
    return next((key for key in fitting if "*" in key[0]), None)
