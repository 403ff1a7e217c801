"""Writes ``data/samples``: one small synthetic file per accepted format, the same rows in each.

Run ``python -m tests.readers.make_samples`` after changing the rows, then rewrite the golden data of the samples.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import polars as pl
import xlsxwriter
import zstandard

from ops_app.config import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "data" / "samples"
DAY = "2026-03-02"
PAYMENT_COLUMNS = [
    "payment_id", "loan_id", "kind", "reverses_payment_id", "paid_at", "value_date", "posted_at", "amount", "currency",
    "channel", "payer_name", "payer_account", "reference", "principal", "interest", "fees", "penalty",
]  # fmt: skip
PAYMENTS = [
    ["P-1001", "L-0001", "payment", "", "2026-03-01 09:15:00", "2026-03-01", "2026-03-01 09:16:30", "1200.00", "CNY",
     "bank_transfer", "张三", "6222020200112233445", "还款 L-0001", "1000.00", "150.00", "0.00", "50.00"],
    ["P-1002", "L-0002", "payment", "", "2026-03-01 10:00:00", "2026-03-01", "", "300.50", "CNY",
     "wechat", "李四", "", "L-0002", "300.50", "0.00", "0.00", "0.00"],
    ["P-1003", "L-0003", "payment", "", "2026-03-01 20:40:05", "2026-03-01", "", "88.00", "CNY",
     "alipay", "王小明", "", "代扣, 第 3 期", "", "", "", ""],
    ["P-1004", "L-0003", "reversal", "P-1003", "2026-03-02 08:00:00", "2026-03-02", "", "88.00", "CNY",
     "alipay", "王小明", "", "冲正 \"P-1003\"", "", "", "", ""],
    ["P-1005", "L-0004", "payment", "", "2026-03-02 11:30:00", "2026-03-02", "", "5000.00", "CNY",
     "bank_transfer", "欧阳娜娜", "00012345678901234567", "L-0004", "4500.00", "400.00", "100.00", "0.00"],
]  # fmt: skip
LINE_COLUMNS = [
    "account", "line_id", "booked_date", "value_date", "amount", "currency", "direction", "counterparty_name",
    "counterparty_account", "reference",
]  # fmt: skip
ACCOUNT = "6222000011112222"
LINES = [
    [ACCOUNT, "1", "2026-03-01", "2026-03-01", "1200.00", "CNY", "in", "张三", "6222020200112233445", "还款 L-0001"],
    [ACCOUNT, "2", "2026-03-02", "2026-03-02", "5000.00", "CNY", "in", "欧阳娜娜", "00012345678901234567", "L-0004"],
    [ACCOUNT, "3", "2026-03-02", "2026-03-02", "15.00", "CNY", "out", "", "", "账户管理费"],
]  # fmt: skip


def text_of(columns: list[str], rows: list[list[str]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def mt940() -> str:
    details = [(line[8], line[7], line[9]) for line in LINES]
    lines = []
    for number, (row, (account, name, reference)) in enumerate(zip(LINES, details, strict=True), 1):
        day, mark = row[3][2:].replace("-", ""), "C" if row[6] == "in" else "D"
        lines.append(f":61:{day}{day[2:]}{mark}{row[4].replace('.', ',')}NTRFNONREF//BANK{number}")
        lines.append(f":86:166?20SVWZ+{reference}" + (f"?31{account}?32{name}" if account else ""))
    return "\n".join(
        [
            ":20:RECOUP0302",
            f":25:{ACCOUNT}",
            ":28C:61/1",
            ":60F:C260228CNY10000,00",
            *lines,
            ":62F:C260302CNY16185,00",
            "-",
            "",
        ]
    )


def camt() -> str:
    entries = ""
    for number, row in enumerate(LINES, 1):
        role, mark = ("Dbtr", "CRDT") if row[6] == "in" else ("Cdtr", "DBIT")
        party = (
            f"<RltdPties><{role}><Pty><Nm>{row[7]}</Nm></Pty></{role}>"
            f"<{role}Acct><Id><Othr><Id>{row[8]}</Id></Othr></Id></{role}Acct></RltdPties>"
            if row[7]
            else ""
        )
        entries += (
            f'    <Ntry><Amt Ccy="CNY">{row[4]}</Amt><CdtDbtInd>{mark}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\n'
            f"      <BookgDt><Dt>{row[2]}</Dt></BookgDt><ValDt><Dt>{row[3]}</Dt></ValDt>"
            f"<AcctSvcrRef>BANK{number}</AcctSvcrRef>\n"
            f"      <NtryDtls><TxDtls>{party}<RmtInf><Ustrd>{row[9]}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
        )
    balance = (
        '    <Bal><Tp><CdOrPrtry><Cd>{}</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        "<Dt><Dt>{}</Dt></Dt></Bal>\n"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">\n  <BkToCstmrStmt>\n'
        "  <GrpHdr><MsgId>RECOUP-20260302</MsgId><CreDtTm>2026-03-02T23:00:00+08:00</CreDtTm></GrpHdr>\n"
        "  <Stmt><Id>RECOUP0302</Id><ElctrncSeqNb>61</ElctrncSeqNb>\n"
        f"    <Acct><Id><Othr><Id>{ACCOUNT}</Id></Othr></Id><Ccy>CNY</Ccy></Acct>\n"
        + balance.format("OPBD", "10000.00", "2026-02-28")
        + balance.format("CLBD", "16185.00", "2026-03-02")
        + entries
        + "  </Stmt>\n  </BkToCstmrStmt>\n</Document>\n"
    )


def workbook(path: Path, rows: list[list[str]]) -> None:
    with xlsxwriter.Workbook(
        str(path), {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    ) as book:
        sheet = book.add_worksheet("repayments")
        for number, row in enumerate([PAYMENT_COLUMNS, *rows]):
            for place, value in enumerate(row):
                if value:
                    sheet.write_string(number, place, value)


def main(folder: Path = FOLDER) -> None:
    """Write every sample into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    payments = text_of(PAYMENT_COLUMNS, PAYMENTS)
    lines = text_of(LINE_COLUMNS, LINES)
    name = f"repayments_{DAY}"
    (folder / f"{name}_utf8.csv").write_bytes(payments.encode())
    (folder / f"{name}_gb18030.csv").write_bytes(payments.encode("gb18030"))
    (folder / f"{name}_gz.csv.gz").write_bytes(gzip.compress(payments.encode(), mtime=0))
    (folder / f"{name}_zst.csv.zst").write_bytes(zstandard.ZstdCompressor().compress(payments.encode()))
    objects = [{k: v for k, v in zip(PAYMENT_COLUMNS, row, strict=True) if v} for row in PAYMENTS]
    (folder / f"{name}_jsonl.jsonl").write_bytes(
        "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects).encode()
    )
    schema = dict.fromkeys(PAYMENT_COLUMNS, pl.String)
    frame = pl.DataFrame([[value or None for value in row] for row in PAYMENTS], schema=schema, orient="row")
    frame.write_parquet(folder / f"{name}_parquet.parquet", compression="zstd")
    workbook(folder / f"{name}_xlsx.xlsx", PAYMENTS)
    (folder / f"bank_lines_{DAY}_csv.csv").write_bytes(lines.encode())
    (folder / f"bank_lines_{DAY}_mt940.sta").write_bytes(mt940().encode())
    (folder / f"bank_lines_{DAY}_camt053.xml").write_bytes(camt().encode())


if __name__ == "__main__":
    main()
