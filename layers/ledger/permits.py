"""Permits and milestones: one row a project and step; planned, prepared and actual days, what is owed, who answers for it."""

from __future__ import annotations

from layers.base import Field, Layer, Text, codes
from layers.ledger.land import PHASE, PROJECT

LEVELS = codes(
    ("none", "none", "正常", "#009E73"),
    ("notice", "notice", "提醒", "#56B4E9"),
    ("yellow", "yellow", "黄色", "#F0E442"),
    ("orange", "orange", "橙色", "#E69F00"),
    ("red", "red", "红色", "#D55E00"),
)

PERMITS = Layer(
    name="permits",
    title=Text("Permits and milestones", "手续与节点"),
    geometry="none",
    question=Text("Which steps has each project done, and when are the others due?", "各项目的手续与节点办到哪一步,何时完成?"),
    fields=(
        PROJECT,
        PHASE,
        Field("item", "text", Text("Step", "事项"), required=True, meaning="a step of standards/ledger.toml"),
        Field("applies", "flag", Text("Applies", "适用"), meaning="false: this project needs none; missing: it applies"),
        Field("planned_on", "date", Text("Planned", "计划日期")),
        Field("prepared_on", "date", Text("Prepared", "预审完成日期"), meaning="all is ready but the issue itself"),
        Field("actual_on", "date", Text("Done", "实际日期")),
        Field("number", "text", Text("Document", "证号")),
        Field(
            "valid_until", "date", Text("Valid until", "有效期至"), meaning="missing: by the standard validity, if there is one"
        ),
        Field("exception_basis", "text", Text("Basis of the exception", "例外依据"), meaning="why it may precede what it needs"),
        Field("scheme_hash", "text", Text("Scheme", "方案哈希"), meaning="SHA-256 of the scheme that it rests on"),
        Field("owed", "text", Text("Owed documents", "容缺材料"), meaning="missing: none are owed"),
        Field("owed_until", "date", Text("Owed until", "补正期限")),
        Field("owed_met_on", "date", Text("Handed in", "补正日期")),
        Field("level", "text", Text("Level set by hand", "人工预警级别"), codes=LEVELS, meaning="missing: as it is computed"),
        Field("level_reason", "text", Text("Reason of the level", "人工调整原因")),
        Field("cause", "text", Text("Cause of delay", "滞后原因")),
        Field("owner", "text", Text("Who answers for it", "责任人")),
        Field("action", "text", Text("Action", "措施")),
        Field("action_due_on", "date", Text("Action due", "措施期限")),
        Field("verified_by", "text", Text("Verified by", "核验人")),
        Field("closed_on", "date", Text("Closed", "销号日期")),
    ),
)
TABLES = (PERMITS,)
