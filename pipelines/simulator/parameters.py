"""The numbers of the simulated world: products, buckets, calling habits. Money is in cents, rates in millionths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CURRENCY = "CNY"
ORIGINATION_DAYS = 730
"""Loans of the book were granted in the 24 months up to the end date."""

CURRENT, OVERDUE, PAID, SETTLED, WRITTEN_OFF = 0, 1, 2, 3, 4
STATUSES = ("active", "overdue", "settled", "settled", "written_off")
"""As the loans feed writes them: a loan paid in full and one settled at a discount are both settled."""

TRANSFER, AUTO_DEBIT, ALIPAY, WECHAT = 0, 1, 2, 3
CHANNELS = ("bank_transfer", "auto_debit", "alipay", "wechat")
"""Payment channels. A transfer has a bank line of its own; the others reach the bank as one line a day."""

PAYMENT, REVERSAL, REFUND = 0, 1, 2
KINDS = ("payment", "reversal", "refund")

BUCKET_FROM = np.array([1, 31, 61, 91, 121, 151, 181])
BUCKETS = ("C", "M1", "M2", "M3", "M4", "M5", "M6", "M7")


@dataclass(frozen=True)
class Product:
    """One lender's product and how its borrowers behave."""

    lender_code: str
    product_code: str
    share: float
    median_cents: int
    sigma: float
    terms: tuple[int, ...]
    term_weights: tuple[float, ...]
    monthly_rate_ppm: tuple[int, int]
    daily_penalty_ppm: int
    late_fee_cents: int
    miss: float
    """Share of current borrowers who let an instalment pass within a month."""
    purposes: tuple[str, ...]


PRODUCTS = (
    Product(
        "HYB", "credit_card", 0.45, 1_200_000, 0.9, (12, 24, 36), (0.2, 0.4, 0.4), (6_000, 7_500), 500, 2_000,
        0.075, ("purchase", "cash_advance", "travel"),
    ),
    Product(
        "XJC", "consumer_instalment", 0.35, 900_000, 0.7, (12, 18, 24, 36), (0.2, 0.25, 0.3, 0.25), (10_000, 15_000),
        500, 2_000, 0.10, ("phone", "appliance", "education", "decoration"),
    ),
    Product(
        "PTP", "p2p_loan", 0.20, 2_000_000, 0.8, (12, 18, 24, 36), (0.3, 0.2, 0.3, 0.2), (12_000, 18_000), 650, 5_000,
        0.15, ("working_capital", "debt_consolidation", "purchase"),
    ),
)  # fmt: skip

# Months of history: share of borrowers with u unpaid instalments who cure, or who pay one and stay; the rest roll.
HISTORY_CURE = np.array([0.0, 0.62, 0.26, 0.14, 0.07, 0.05, 0.04, 0.02])
HISTORY_STAY = np.array([0.0, 0.10, 0.14, 0.10, 0.06, 0.04, 0.03, 0.02])
PROPENSITY_WEIGHT = 0.9

# Daily chance of an unprompted payment by bucket (C never: it pays by plan), and what is then paid.
DAILY_HAZARD = np.array([0.0, 0.0190, 0.0075, 0.0050, 0.0026, 0.0019, 0.0016, 0.0009])
PAYS_ALL_DUE = np.array([1.0, 0.80, 0.55, 0.40, 0.30, 0.25, 0.20, 0.15])
PAYS_ONE_INSTALMENT = np.array([0.0, 0.10, 0.20, 0.25, 0.25, 0.25, 0.25, 0.25])
SETTLES_DAILY = 0.00025
"""Daily chance, beyond 120 days, of a discounted settlement; trebled after a right-party contact."""
REPAYS_EARLY_DAILY = 0.00025
OVERPAYS = 0.15
"""Share of early full repayments rounded up; the excess is refunded within the week."""
BOUNCES = 0.006
WRITE_OFF_DPD = 360
WRITES_OFF_AT_MONTH_END = 0.18
PAYS_ON_DUE_DATE = 0.93
"""Scales the direct debits that succeed among those who do not miss."""
SELF_CURES = 0.55
"""Of those whose debit failed, the share that pays within days without being asked."""

# Calling, by bucket: share of cases called a day by robots and by people; answers, right parties, promises.
ROBOT_DAILY = np.array([0.0, 0.38, 0.12, 0.06, 0.03, 0.03, 0.03, 0.02])
HUMAN_DAILY = np.array([0.0, 0.16, 0.38, 0.38, 0.26, 0.24, 0.22, 0.10])
ANSWERS = np.array([0.0, 0.46, 0.42, 0.38, 0.33, 0.30, 0.27, 0.22])
RIGHT_PARTY = np.array([0.0, 0.88, 0.85, 0.80, 0.74, 0.70, 0.66, 0.60])
PROMISES = np.array([0.0, 0.42, 0.34, 0.27, 0.20, 0.17, 0.15, 0.10])
KEEPS = np.array([0.0, 0.64, 0.52, 0.42, 0.34, 0.30, 0.26, 0.22])
CONTACT_LIFT = 2.1
"""An unprompted payment is this many times likelier within four days of a right-party contact."""
CONTACT_DAYS = 4
DEAD_NUMBERS = 0.05
IN_HOUSE_UP_TO_DPD = 90
"""Up to here the in-house team calls; beyond, one of the three agencies."""
CASES_PER_COLLECTOR = 120

AGENCIES = (("AG01", "星衡催收服务有限公司"), ("AG02", "远桥信用管理有限公司"), ("AG03", "明序资产服务有限公司"))
"""Invented agencies; the in-house team carries no agency code."""
AGENCY_REGIONS = {
    "AG01": ("310000", "320000", "330000", "340000", "350000", "370000"),
    "AG02": ("410000", "420000", "430000", "440000", "450000", "460000"),
    "AG03": ("500000", "510000", "520000", "530000", "540000", "610000"),
}
"""Provinces in which each agency works, as their contracts say: the east, the south, the south-west. The others have no
agency, and what is overdue there stays in house or waits."""

LAZY_REFERENCES = 0.05
"""Share of transfers whose payer wrote the loan number instead of the reference; name and account still agree."""

COLLECTION_ACCOUNT = "9900000000000001"
"""The collecting account of the asset company; 99 is no bank's card prefix."""


def bucket_of(dpd: np.ndarray) -> np.ndarray:
    """Index into ``BUCKETS`` of days past due."""
    return np.searchsorted(BUCKET_FROM, dpd, side="right")
