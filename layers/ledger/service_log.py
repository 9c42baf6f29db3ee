"""Service to projects: issues and how they were settled, visits, stakeholders, inspections, documents, notices that were sent."""

from __future__ import annotations

from layers.base import Field, Layer, Text, codes
from layers.ledger.land import PROJECT
from layers.ledger.permits import LEVELS

KINDS = codes(
    ("visit", "visit", "走访"), ("call", "call", "来电"), ("agency", "agency service", "帮代办"), ("meeting", "meeting", "会商")
)
INSPECTED = codes(
    ("dust", "dust", "扬尘"), ("pollution", "pollution", "污染"), ("coal", "burning of coal", "燃煤"),
    ("order", "order on the site", "文明施工"), ("safety", "safety", "安全"),
)  # fmt: skip
RESULTS = codes(
    ("good", "in order", "合格", "#009E73"),
    ("mend", "to be mended", "需整改", "#E69F00"),
    ("mended", "mended", "已整改", "#0072B2"),
)
STAKES = codes(
    ("enterprise", "enterprise", "企业"), ("shop", "shop", "商铺"), ("household", "household", "住户"),
    ("institution", "public institution", "公共机构"), ("other", "other", "其他"),
)  # fmt: skip
DELIVERY = codes(("sending", "being sent", "发送中"), ("sent", "sent", "已发送"), ("failed", "failed", "发送失败"))

ISSUES = Layer(
    name="issues",
    title=Text("Issues", "问题诉求"),
    geometry="none",
    question=Text("What holds a project up, who settles it, is it settled?", "项目有哪些问题,由谁办理,是否办结?"),
    fields=(
        PROJECT,
        Field("item", "text", Text("Step", "事项"), meaning="the step that it holds up"),
        Field("subject", "text", Text("Issue", "问题"), required=True),
        Field("received_on", "date", Text("Received", "接诉日期")),
        Field("first_contact", "text", Text("First contact", "首问责任人")),
        Field("department", "text", Text("Department", "承办部门")),
        Field("handled_on", "date", Text("Handled", "办理日期"), meaning="the day of receipt: handled the same day"),
        Field("verified_on", "date", Text("Verified", "验收日期")),
        Field("verified_by", "text", Text("Verified by", "验收人")),
    ),
)
LOG = Layer(
    name="service_log",
    title=Text("Service log", "服务记录"),
    geometry="none",
    question=Text("Who served a project when, and with what?", "谁在何时为项目办了什么?"),
    fields=(
        PROJECT,
        Field("kind", "text", Text("Kind", "类型"), codes=KINDS),
        Field("day", "date", Text("Day", "日期")),
        Field("steward", "text", Text("Steward", "管家")),
        Field("subject", "text", Text("Subject", "内容")),
    ),
)
STAKEHOLDERS = Layer(
    name="stakeholders",
    title=Text("Stakeholders along works", "沿线对接"),
    geometry="any",
    question=Text(
        "Who lies along the works of a project, was he spoken to, is what he asked for settled?",
        "工程沿线有哪些企业、商铺,是否已对接、诉求是否落实?",
    ),
    fields=(
        PROJECT,
        Field("name", "text", Text("Name", "名称"), required=True),
        Field("kind", "text", Text("Kind", "类型"), codes=STAKES),
        Field("contact", "text", Text("Contact", "联系人")),
        Field("contacted_on", "date", Text("Spoken to", "对接日期")),
        Field("need", "text", Text("What he asks for", "诉求")),
        Field("settled_on", "date", Text("Settled", "落实日期")),
    ),
    colour="#882255",
)
INSPECTIONS = Layer(
    name="inspections",
    title=Text("Inspections", "现场巡查"),
    geometry="any",
    question=Text("What was found on the sites, and where?", "巡查发现了什么,位置在哪里?"),
    fields=(
        Field("project", "text", Text("Project", "项目")),
        Field("kind", "text", Text("Kind", "类型"), codes=INSPECTED),
        Field("day", "date", Text("Day", "日期")),
        Field("inspector", "text", Text("Inspector", "巡查人")),
        Field("result", "text", Text("Result", "结果"), codes=RESULTS),
        Field("subject", "text", Text("Subject", "内容")),
    ),
    colour="#CC79A7",
)
DOCUMENTS = Layer(
    name="documents",
    title=Text("Documents", "文件"),
    geometry="none",
    question=Text("Which documents belong to a project?", "项目有哪些文件?"),
    fields=(
        PROJECT,
        Field("item", "text", Text("Step", "事项")),
        Field("title", "text", Text("Title", "名称"), required=True),
        Field("number", "text", Text("Document", "文号")),
        Field("day", "date", Text("Day", "日期")),
        Field("sha256", "text", Text("Hash", "哈希"), meaning="SHA-256 of the file, 64 hexadecimal digits"),
    ),
)
NOTICES = Layer(
    name="notices",
    title=Text("Notices sent", "已发预警"),
    geometry="none",
    question=Text("Which warnings were sent already?", "哪些预警已经发送?"),
    fields=(
        PROJECT,
        Field("item", "text", Text("Step", "事项")),
        Field("rule", "text", Text("Rule", "规则"), required=True),
        Field("level", "text", Text("Level", "级别"), codes=LEVELS),
        Field("recipient", "text", Text("Recipient", "接收方"), meaning="missing: who asked at the terminal"),
        Field("state", "text", Text("State", "状态"), codes=DELIVERY, meaning="missing: sent"),
        Field("claimed_at", "text", Text("Taken on at", "开始发送时间"), meaning="ISO 8601, UTC"),
        Field("sent_on", "date", Text("Sent", "发送日期"), meaning="the day that the warnings are of"),
    ),
)
TABLES = (ISSUES, LOG, STAKEHOLDERS, INSPECTIONS, DOCUMENTS, NOTICES)
