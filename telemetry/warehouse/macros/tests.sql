{#- What columns of a model must be, as one test: a test has a price of its own, and a model has many columns.
    unique: columns without a value twice. not_null: columns without a gap. among: {column: values that it may have}.
    Each row that fails says which column and why, as `fault`. -#}
{%- test columns_hold(model, unique=[], not_null=[], among={}) -%}
{%- set checks = [] -%}
{%- for name in unique -%}
    {%- do checks.append("select '" ~ name ~ ": not unique' as fault, " ~ name ~ "::text as value from " ~ model
        ~ " where " ~ name ~ " is not null group by " ~ name ~ " having count(*) > 1") -%}
{%- endfor -%}
{%- for name in not_null -%}
    {%- do checks.append("select '" ~ name ~ ": missing' as fault, cast(null as text) as value from " ~ model
        ~ " where " ~ name ~ " is null") -%}
{%- endfor -%}
{%- for name, values in among.items() -%}
    {%- do checks.append("select '" ~ name ~ ": not among its values' as fault, " ~ name ~ "::text as value from " ~ model
        ~ " where " ~ name ~ " not in ('" ~ values | join("', '") ~ "')") -%}
{%- endfor -%}
{{ checks | join("\nunion all\n") }}
{%- endtest -%}
