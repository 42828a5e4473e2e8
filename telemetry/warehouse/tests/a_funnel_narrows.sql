-- No more plans were published than generated. (A plan whose earlier steps were not seen is in no funnel.)
select * from {{ ref("mart_funnel") }}
where reviewed > generated or approved > generated or published > generated or completed > generated
