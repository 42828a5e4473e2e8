-- A share's numerator is never more than its denominator; problem reports alone may be several to an athlete.
select metric, week, numerator, denominator
from {{ ref("mart_metrics_weekly") }}
where denominator < 0 or numerator < 0 and metric not in ('performance_improvement', 'prediction_error')
    or metric in (
        'adherence', 'acceptance', 'adoption', 'adoption_elite', 'plan_completion', 'satisfied', 'retention', 'errors',
        'model_preference', 'server_errors', 'quick_answers',
        'cache_hits', 'availability', 'calculation_deviation'
    ) and numerator > denominator + 1e-9
