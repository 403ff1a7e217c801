"""Invented people. Nothing here can belong to a real person.

National ids carry a valid ISO 7064 MOD 11-2 check digit, but their county part ``99nn`` exists in no province;
mobile numbers begin with ``169``, a range no operator has been given; mail goes to ``example.com`` (RFC 2606);
place and street names are made up.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipelines.simulator import regions

SYNTHETIC_MOBILE_PREFIX = "169"
SYNTHETIC_COUNTY_PREFIX = "99"
MAIL_DOMAIN = "example.com"

_SURNAMES = tuple(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金"
)
_GIVEN = tuple(
    "伟芳娜敏静丽强磊洋艳勇军杰娟涛明超霞平刚桂英华玉兰建国志海红梅燕晓宇欣然子涵浩轩雨泽思远佳怡文博嘉诚梓萱俊熙"
    "晨曦雅琪宏达春生秋月冬青安宁立新和顺景行书航若水知远怀瑾"
)
_CITIES = tuple(
    f"{name}市" for name in ("云澜", "青渡", "安岚", "望川", "清泽", "长陵", "宁屿", "锦阳", "白榆", "临溪")
)
_STREETS = tuple(
    f"{name}路" for name in ("虚构", "样例", "模拟", "示范", "假设", "例证", "参考", "试验", "演示", "范本")
)
_EMPLOYER_STEMS = ("启辰", "云启", "恒嘉", "瑞禾", "卓远", "博闻", "宏图", "汇丰源", "众诚", "新程")
_EMPLOYER_KINDS = ("贸易有限公司", "科技有限公司", "餐饮店", "建筑工程有限公司", "物流有限公司", "个体经营")
_CHECK_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = np.array(list("10X98765432"))


def pick(words: tuple[str, ...], indices: np.ndarray) -> pl.Series:
    """``words`` at ``indices``, as text."""
    return pl.Series(words, dtype=pl.String).gather(pl.Series(indices.astype(np.uint32)))


def people(rng: np.random.Generator, count: int) -> pl.Series:
    """Chinese names of two or three characters."""
    family = pick(_SURNAMES, rng.integers(0, len(_SURNAMES), count))
    first = pick(_GIVEN, rng.integers(0, len(_GIVEN), count))
    second = pick((*_GIVEN, *[""] * (len(_GIVEN) // 3)), rng.integers(0, len(_GIVEN) + len(_GIVEN) // 3, count))
    return family + first + second


def national_ids(region: np.ndarray, birth_yyyymmdd: np.ndarray, female: np.ndarray) -> pl.Series:
    """18-character ids for the row's province; the serial follows the row so that ids hardly ever meet."""
    rows = np.arange(len(region), dtype=np.int64)
    province = np.array([int(code[:2]) for code in regions.CODES])[region]
    area = province * 10_000 + int(SYNTHETIC_COUNTY_PREFIX) * 100 + rows % 99 + 1
    serial = rows // 99 % 500 * 2 + np.where(female, 0, 1)
    body = (area * 100_000_000 + birth_yyyymmdd) * 1_000 + serial
    total = np.zeros(len(region), dtype=np.int64)
    for place, weight in enumerate(_CHECK_WEIGHTS):
        total += body // 10 ** (16 - place) % 10 * weight
    check = pl.Series(_CHECK_DIGITS[total % 11].tolist(), dtype=pl.String)
    return pl.Series(body).cast(pl.String) + check


def mobiles(rng: np.random.Generator, count: int, start: int = 0) -> pl.Series:
    """Eleven digits in the synthetic range, shuffled so that neighbours do not follow one another."""
    offset = int(rng.integers(0, 10**8))
    numbers = (np.arange(start, start + count, dtype=np.int64) * 61_803_399 + offset) % 10**8
    return SYNTHETIC_MOBILE_PREFIX + pl.Series(numbers).cast(pl.String).str.zfill(8)


def addresses(rng: np.random.Generator, region: np.ndarray) -> pl.Series:
    """Province, an invented city and street, a house number."""
    count = len(region)
    return (
        pick(regions.NAMES, region)
        + pick(_CITIES, rng.integers(0, len(_CITIES), count))
        + pick(_STREETS, rng.integers(0, len(_STREETS), count))
        + pl.Series(rng.integers(1, 400, count)).cast(pl.String)
        + "号"
    )


def employers(rng: np.random.Generator, count: int) -> pl.Series:
    """Invented employers; a fifth of the people name none."""
    text = pick(_EMPLOYER_STEMS, rng.integers(0, len(_EMPLOYER_STEMS), count)) + pick(
        _EMPLOYER_KINDS, rng.integers(0, len(_EMPLOYER_KINDS), count)
    )
    none = pl.Series(rng.random(count) < 0.2)
    return pl.select(pl.when(none).then(None).otherwise(text)).to_series()
