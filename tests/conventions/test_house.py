"""Guards of the house: what is agreed once and must not fade."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ops_app.services import act

ROOT = Path(__file__).resolve().parents[2]
CODE = ("ops_app", "pipelines", "dashboards")


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def test_imports_point_inwards():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_strict_layers_hold_their_types():
    layers = ["ops_app/domain", "ops_app/engines", "ops_app/services", "ops_app/store"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *layers], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_code_is_linted_and_formatted():
    for arguments in (["check", "."], ["format", "--check", "."]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-3000:]


def services() -> list[tuple[str, ast.FunctionDef]]:
    found = []
    for path in sorted((ROOT / "ops_app" / "services").rglob("*.py")):
        if path.name in {"__init__.py", "act.py"}:
            continue
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                found.append((f"{module}.{node.name}", node))
    return found


def names_of_arguments(node: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in node.args.posonlyargs + node.args.args]


def test_every_service_that_takes_an_actor_declares_a_permission():
    undeclared = [
        name
        for name, node in services()
        if names_of_arguments(node)[:1] == ["actor"]
        and not any(isinstance(d, ast.Call) and getattr(d.func, "id", "") == "act" for d in node.decorator_list)
    ]
    assert undeclared == []


def test_every_service_that_writes_takes_an_actor_or_is_a_door_before_the_sign_in():
    from ops_app.services.organisation.sign_in import SIGN_IN_DOORS

    writing = [
        name
        for name, node in services()
        if "store.writing(" in ast.unparse(node) and names_of_arguments(node)[:1] != ["actor"]
    ]
    doors = {f"{door.__module__}.{door.__qualname__}" if callable(door) else str(door) for door in SIGN_IN_DOORS}
    assert {name.rsplit(".", 1)[-1] for name in writing} <= {door.rsplit(".", 1)[-1] for door in doors}


def test_a_declared_permission_must_be_in_the_table_of_grants():
    with pytest.raises(LookupError):
        act.act("no.such.permission")


def test_no_floating_point_touches_an_amount():
    wrong = []
    for path in tracked("ops_app/**/*.py", "pipelines/**/*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if re.search(r"float\([^)]*(amount|minor|balance|principal|fee)", line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}")
    assert wrong == []


def test_spreadsheets_are_written_by_the_one_export_and_pages_hold_no_raw_html():
    banned = re.compile(r"\.to_excel\(|\.write_excel\(|unsafe_allow_html\s*=\s*True|ignore_errors\s*=\s*true")
    wrong = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked(*(f"{folder}/**/*.py" for folder in CODE))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if banned.search(line)
    ]
    assert wrong == []


def test_only_the_settings_read_the_environment():
    # child processes are handed an environment, and dbt, in this process, finds one that is put back afterwards
    handing_on = {"pipelines/serve.py", "ops_app/gateways/sql_sandbox.py", "pipelines/readers/limited.py"}
    allowed = {"ops_app/config.py", "pipelines/build.py", *handing_on}
    readers = [
        str(path.relative_to(ROOT))
        for path in tracked(*(f"{folder}/**/*.py" for folder in CODE))
        if re.search(r"os\.(environ\.get|getenv)\(|os\.environ\[[^\]]+\](?!\s*=)", path.read_text(encoding="utf-8"))
    ]
    assert [path for path in readers if path not in allowed] == []


def test_no_file_names_a_machine_or_a_registry():
    # written in pieces so that this file does not find itself
    words = [
        "/wo" + "rk/",
        "/ro" + "ot/",
        "py" + "pi.org",
        "python" + "hosted",
        "registry.npm" + "js",
        "deb." + "debian",
    ]
    pattern = re.compile("|".join(rf"(?<![A-Za-z0-9_.]){re.escape(word)}" for word in words))
    wrong = []
    for path in tracked():
        if path.suffix in {".parquet", ".xlsx", ".png", ".gz", ".zst", ".xls"} or not path.is_file():
            continue
        if pattern.search(path.read_text(encoding="utf-8", errors="replace")):
            wrong.append(str(path.relative_to(ROOT)))
    assert wrong == []


def test_every_module_opens_with_a_sentence():
    silent = []
    for path in tracked(*(f"{folder}/**/*.py" for folder in CODE), "ops_app/*.py"):
        if path.name == "__init__.py":
            continue
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))):
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []


def headings(text: str) -> list[int]:
    outside = re.sub(r"```.*?```", "", text, flags=re.S)
    return [len(match) for match in re.findall(r"^(#+) ", outside, flags=re.M)]


@pytest.mark.parametrize(
    ("english", "chinese"),
    [("README.md", "README.zh-CN.md"), ("data/templates/README.md", "data/templates/README.zh-CN.md")],
)
def test_the_two_languages_of_a_document_keep_step(english, chinese):
    one, two = ((ROOT / name).read_text(encoding="utf-8") for name in (english, chinese))

    assert headings(one) == headings(two)
    for code in ("`recoup [a-z-]+", "`RECOUP_[A-Z_]+`"):
        assert sorted(set(re.findall(code, one))) == sorted(set(re.findall(code, two)))
    assert one.count("\n|") == two.count("\n|")


def test_telemetry_is_off_where_each_package_looks_for_it():
    import yaml

    from pipelines import instance, serve

    assert instance._INSTANCE["telemetry"] == {"enabled": False}
    assert serve.TELEMETRY_OFF["GX_ANALYTICS_ENABLED"] == "false"
    assert "gatherUsageStats = false" in (ROOT / ".streamlit" / "config.toml").read_text()
    project = yaml.safe_load((ROOT / "dbt" / "dbt_project.yml").read_text())
    assert project["flags"]["send_anonymous_usage_stats"] is False


def test_dbt_core_stays_below_the_version_that_downloads_a_binary():
    pinned = re.search(r"^dbt-core==(\d+)\.(\d+)", (ROOT / "requirements.lock").read_text(), flags=re.M)
    assert (int(pinned[1]), int(pinned[2])) < (1, 12)


def test_the_dbt_folder_holds_no_python():
    assert [path for path in tracked("dbt") if path.suffix == ".py"] == []
