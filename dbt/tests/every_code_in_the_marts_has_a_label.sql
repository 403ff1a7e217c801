-- A code nobody named would reach a screen as it is.
with

codes as (
    select distinct 'bucket' as enum, bucket as code from {{ ref('rpt_portfolio_daily') }}
    union
    select distinct 'custody', custody from {{ ref('fct_case_days') }} where business_date >= {{ earliest_change() }}
    union
    select distinct 'close_reason', close_reason from {{ ref('dim_cases') }} where close_reason is not null
    union
    select distinct 'payment_kind', kind from {{ ref('fct_repayments') }} where value_date >= {{ earliest_change() }}
    union
    select distinct 'promise_state', state from {{ ref('fct_promises') }}
    union
    select distinct 'item_kind', kind from {{ ref('fct_reconciliation_items') }}
    union
    select distinct 'item_state', state from {{ ref('fct_reconciliation_items') }}
    union
    select distinct 'role', role_code from {{ ref('fct_console_actions') }}
    union
    select distinct 'request_state', state from {{ ref('fct_approvals') }}
    union
    select distinct 'end_reason', end_reason from {{ ref('fct_placements') }} where end_reason is not null
    union
    select distinct 'end_reason', end_reason from {{ ref('fct_assignments') }} where end_reason is not null
    union
    select distinct 'recall_because', recall_because from {{ ref('fct_placements') }} where recall_because is not null
    union
    select distinct 'case_request_kind', kind from {{ ref('fct_requests') }}
    union
    select distinct 'case_request_outcome', outcome from {{ ref('fct_requests') }} where outcome is not null
    union
    select distinct 'account_kind', kind from {{ ref('dim_accounts') }}
    union
    select distinct 'journal_side', side from {{ ref('fct_journal_lines') }} where accounting_date >= {{ earliest_change() }}
    union
    select distinct 'component', component from {{ ref('fct_journal_lines') }}
    where component is not null and accounting_date >= {{ earliest_change() }}
    union
    select distinct 'event_kind', event_kind from {{ ref('fct_journal_lines') }} where accounting_date >= {{ earliest_change() }}
    union
    select distinct 'event_cause', cause from {{ ref('fct_journal_lines') }} where accounting_date >= {{ earliest_change() }}
    union
    select distinct 'application_place', place from {{ ref('fct_repayment_applications') }}
    where value_date >= {{ earliest_change() }}
    union
    select distinct 'commission_line_kind', kind from {{ ref('fct_commission_lines') }}
    union
    select distinct 'paid_to', paid_to from {{ ref('fct_commission_lines') }} where paid_to is not null
    union
    select distinct 'dispute_state', dispute_state from {{ ref('fct_commission_lines') }} where dispute_state is not null
    union
    select distinct 'settlement_state', state from {{ ref('rpt_commission_settlement') }}
    union
    select distinct 'write_off_state', state from {{ ref('rpt_write_off_ledger') }}
    union
    select distinct 'write_off_path', path from {{ ref('rpt_write_off_ledger') }}
    union
    select distinct 'write_off_method', method from {{ ref('rpt_write_off_ledger') }}
    union
    select distinct 'case_request_kind', kind from {{ ref('rpt_waivers') }}
    union
    select distinct 'agreement_condition', condition from {{ ref('rpt_waivers') }}
    union
    select distinct 'agreement_state', state from {{ ref('rpt_waivers') }}
    union
    select distinct 'lapse_reason', lapse_reason from {{ ref('rpt_waivers') }} where lapse_reason is not null
    union
    select distinct 'reconciled_sides', sides from {{ ref('rpt_proof_sheets') }}
    union
    select distinct 'reconciled_sides', sides from {{ ref('rpt_reconciliation') }}
    union
    select distinct 'proof_part', part from {{ ref('rpt_proof_sheets') }}
    union
    select distinct 'item_kind', kind from {{ ref('rpt_proof_sheets') }} where part = 'unexplained'
    union
    -- a rule of the installation goes by its own code
    select distinct 'proof_pass', kind from {{ ref('rpt_proof_sheets') }}
    where part = 'explained' and kind not like 'rule:%'
)

select codes.enum, codes.code
from codes
left join {{ ref('dim_labels') }} as labels
    on labels.enum = codes.enum and labels.code = codes.code
where labels.code is null
