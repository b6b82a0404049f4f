"""The rules that figures are held to; their catalogue is published from here.

Severity decides what a broken rule does. Scope decides where it is asked: row and submission in the
child; history there too, against the figures that the hub hands it; hub after admission.
"""

from __future__ import annotations

import hashlib

from hub_core.model.finding import RuleText, Severity
from hub_core.rules import rows, whole
from hub_core.rules.rule import (
    FIELDS,
    NOT_A_NUMBER,
    TOO_LARGE,
    TOO_PRECISE,
    RowCheck,
    Rule,
    RuleContext,
    SubmissionView,
    Violations,
)

__all__ = [
    "FIELDS",
    "NOT_A_NUMBER",
    "RULES",
    "TOO_LARGE",
    "TOO_PRECISE",
    "RowCheck",
    "Rule",
    "RuleContext",
    "SubmissionView",
    "Violations",
    "digest",
]


def _text(
    code: str, severity: Severity, scope: str, vi: str, en: str, owner: str = "province"
) -> RuleText:
    return RuleText(code, severity, owner, scope, vi, en)


_INFO, _WARNING, _ERROR, _BLOCKING = (
    Severity.INFO,
    Severity.WARNING,
    Severity.ERROR,
    Severity.BLOCKING,
)
_ROW, _SUBMISSION, _HISTORY = "row", "submission", "history"

_ALL = [
    Rule(
        _text("V001", _ERROR, _ROW, "Mã không có trong danh mục", "Code is not in the codelist"),
        rows.unknown,
    ),
    Rule(
        _text("V002", _ERROR, _ROW, "Giá trị không phải là số", "Value is not a number"),
        rows.not_a_number,
    ),
    Rule(
        _text("V003", _ERROR, _ROW, "Quá sáu chữ số thập phân", "More than six decimals"),
        rows.too_precise,
    ),
    Rule(
        _text(
            "V004",
            _ERROR,
            _ROW,
            "Giá trị ngoài miền cho phép",
            "Value is out of the indicator's range",
        ),
        rows.out_of_range,
    ),
    Rule(_text("V005", _ERROR, _ROW, "Giá trị âm", "Value is negative"), rows.negative),
    Rule(
        _text(
            "V006",
            _ERROR,
            _SUBMISSION,
            "Trùng khóa: số liệu này đã có ở dòng trước",
            "Duplicate key: an earlier row has this figure",
        )
    ),
    Rule(
        _text(
            "V007", _ERROR, _SUBMISSION, "Phần lớn hơn tổng thể", "A part is greater than its whole"
        ),
        find_violations=whole.part_above_whole,
    ),
    Rule(
        _text(
            "V008",
            _WARNING,
            _SUBMISSION,
            "Tổng số khác tổng các thành phần",
            "A total is not the sum of its parts",
        ),
        find_violations=whole.parts_and_sum,
    ),
    Rule(
        _text(
            "V009",
            _WARNING,
            _SUBMISSION,
            "Giá trị báo cáo khác giá trị tính theo công thức",
            "Reported value is not what its formula gives",
        ),
        find_violations=whole.formula,
    ),
    Rule(
        _text(
            "V010",
            _WARNING,
            _HISTORY,
            "Chênh từ mười lần trở lên so với kỳ trước",
            "Ten times, or a tenth of, the period before",
        ),
        find_violations=whole.jump,
    ),
    Rule(
        _text(
            "V011",
            _WARNING,
            _HISTORY,
            "Số lũy kế giảm so với kỳ trước",
            "A cumulative figure is less than the period before",
        ),
        find_violations=whole.cumulative_falls,
    ),
    Rule(_text("V012", _INFO, _ROW, "Kỳ báo cáo không được hỏi đến", "Period was not asked for")),
    Rule(
        _text(
            "V013",
            _ERROR,
            _ROW,
            "Đơn vị hành chính không tồn tại trong kỳ",
            "Org unit did not live in the period",
        ),
        rows.not_alive,
    ),
    Rule(
        _text("V014", _ERROR, _ROW, "Tỷ lệ ngoài khoảng 0–100", "A share is not between 0 and 100"),
        rows.out_of_share,
    ),
    Rule(
        _text(
            "V015",
            _BLOCKING,
            _ROW,
            "Ngoài phạm vi mà đơn vị được báo cáo",
            "Outside what the provider speaks for",
        ),
        rows.outside,
    ),
    Rule(
        _text(
            "V016",
            _BLOCKING,
            _SUBMISSION,
            "Quá nhiều dòng bị loại",
            "Too large a share of the rows is quarantined",
        )
    ),
    Rule(
        _text(
            "V017",
            _BLOCKING,
            _HISTORY,
            "Quá nhiều số liệu hiện hành bị rút",
            "Too large a share of the current figures is withdrawn",
        )
    ),
    Rule(
        _text(
            "V018",
            _BLOCKING,
            "hub",
            "Hai nguồn cùng báo cáo một số liệu",
            "Two provisions speak for one figure",
            owner="hub",
        )
    ),
    Rule(
        _text(
            "V019",
            _ERROR,
            _ROW,
            "Dòng không đúng như biểu mẫu đã cấp",
            "Row is not as the form has it",
        ),
        rows.refused,
    ),
    Rule(
        _text(
            "V020",
            _BLOCKING,
            _SUBMISSION,
            "Báo không phát sinh nhưng có số liệu",
            "A nil return that holds figures",
        )
    ),
    Rule(
        _text(
            "V021",
            _WARNING,
            _ROW,
            "Số lẻ ở chỉ tiêu đếm được",
            "A fraction of what is counted in whole numbers",
        ),
        rows.fraction,
    ),
    Rule(
        _text(
            "V022",
            _ERROR,
            _ROW,
            "Trạng thái ghi thiếu nhưng có số liệu",
            "Said to be missing, and has a figure",
        ),
        rows.missing_with_figure,
    ),
    Rule(
        _text(
            "V023",
            _WARNING,
            _ROW,
            "Chỉ tiêu không báo cáo theo kỳ này",
            "Not reported for periods of this length",
        ),
        rows.wrong_frequency,
    ),
    Rule(
        _text(
            "V024",
            _WARNING,
            _ROW,
            "Đơn vị hành chính kết thúc trong kỳ: số liệu không vào tổng",
            "Org unit ended within the period: its figure is in no total",
        ),
        rows.ended,
    ),
    Rule(
        _text(
            "V025",
            _WARNING,
            _SUBMISSION,
            "Mẫu số bằng không: tỷ lệ không có giá trị",
            "A denominator is zero: its ratio has no value",
        ),
        find_violations=whole.zero_denominator,
    ),
    Rule(
        _text(
            "V026",
            _ERROR,
            "hub",
            "Chỉ tiêu đã đổi đơn vị tính sau khi báo cáo",
            "The indicator is counted in another unit since it was reported",
            owner="hub",
        )
    ),
    Rule(
        _text(
            "V027",
            _WARNING,
            "hub",
            "Tổng đã báo cáo khác tổng các phần do nơi khác báo cáo",
            "A reported total is not the sum of what others report of its parts",
            owner="hub",
        )
    ),
]
RULES: dict[str, Rule] = {rule.text.code: rule for rule in _ALL}


def digest(rules: dict[str, Rule]) -> str:
    """Return the sha256 over the rules in force: code, severity, scope and English wording."""
    lines = [
        f"{r.text.code}\t{r.text.severity}\t{r.text.scope}\t{r.text.en}\n" for r in rules.values()
    ]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
