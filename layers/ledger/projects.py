"""Projects: what is signed, who carries it, and what it asks of the land; which project stands where?"""

from __future__ import annotations

from layers.base import Field, Layer, Text, codes
from layers.codes import PLANNING_2023
from layers.ledger.land import PROJECT
from layers.service import DEMANDS, LOADS

MONEY = "10^4 CNY"
"""Money is told in whole 万元, as the ledgers of parks do."""
KINDS = codes(
    ("industrial", "industrial", "产业项目", "#BB9674"),
    ("infrastructure", "infrastructure", "基础设施项目", "#0072B2"),
    ("consolidation", "land consolidation", "土地整理项目", "#009E73"),
    ("residential", "residential", "居住项目", "#F0E442"),
)
LEVELS = codes(
    ("provincial", "provincial key project", "省级重点"),
    ("municipal", "municipal key project", "市级重点"),
    ("district", "district key project", "区级重点"),
    ("park", "project of the park", "园区项目"),
)
STATUS = codes(
    ("prospect", "prospect", "意向"), ("signed", "signed", "已签约"), ("under_review", "under joint review", "联审中"),
    ("review_passed", "review passed", "联审通过"), ("review_rejected", "review rejected", "联审未通过"),
    ("acquiring", "land being acquired", "征收中"), ("land_approved", "land approved", "用地已批"), ("ready", "land ready", "净地"),
    ("listed", "listed", "已挂牌"), ("transacted", "transacted", "已成交"), ("contracted", "contracted", "已签出让合同"),
    ("permitted", "permitted", "手续齐备"), ("started", "started", "已开工"), ("topped_out", "topped out", "已封顶"),
    ("completed", "completed", "已竣工"), ("accepted", "accepted", "已验收"), ("trial_production", "trial production", "试产"),
    ("in_production", "in production", "已投产"), ("suspended", "suspended", "停缓"), ("cancelled", "cancelled", "已取消"),
    ("idle_suspected", "idleness suspected", "疑似闲置"), ("idle_confirmed", "idle", "认定闲置"), ("reclaimed", "reclaimed", "已收回"),
)  # fmt: skip
STAGES = codes(
    ("prospect", "prospects", "意向"),
    ("signed", "signed, under review", "签约联审"),
    ("land", "land on the way", "供地"),
    ("permits", "has land, permits on the way", "拿地报建"),
    ("construction", "under construction", "在建"),
    ("production", "in production", "投产"),
    ("halted", "halted or idle", "停缓闲置"),
)
"""What the board shows: 签约一批、在建一批、投产一批 and what lies between."""
STAGE_OF = {
    "prospect": "prospect", "signed": "signed", "under_review": "signed", "review_passed": "signed", "review_rejected": "signed",
    "acquiring": "land", "land_approved": "land", "ready": "land", "listed": "land", "transacted": "land", "contracted": "permits",
    "permitted": "permits", "started": "construction", "topped_out": "construction", "completed": "construction",
    "accepted": "construction", "trial_production": "production", "in_production": "production", "suspended": "halted",
    "cancelled": "halted", "idle_suspected": "halted", "idle_confirmed": "halted", "reclaimed": "halted",
}  # fmt: skip
"""The stage of each status."""
STAGE_FROM = {
    "signing": "signed", "pre_notice": "land", "listing_notice": "land", "grant_contract": "permits", "start": "construction",
    "trial_production": "production", "in_production": "production",
}  # fmt: skip
"""The steps that, done, bring a project to a stage."""
FIVE_ONES = ("leader", "department", "steward", "work_plan", "target")
"""一名领导、一个责任部门、一名管家、一套工作方案、一个目标任务: what every project has."""

PROJECTS = Layer(
    name="projects",
    title=Text("Projects", "项目"),
    geometry="none",
    question=Text("Which projects are there, who carries them, what do they ask for?", "有哪些项目,由谁负责,需要什么?"),
    fields=(
        Field("name", "text", Text("Name", "名称"), required=True),
        Field("kind", "text", Text("Kind", "类别"), codes=KINDS, required=True),
        Field(
            "template", "text", Text("Procedure", "流程模板"), meaning="a template of standards/ledger.toml; missing: by the kind"
        ),
        Field("status", "text", Text("Status", "状态"), codes=STATUS),
        Field("level", "text", Text("Level", "级别"), codes=LEVELS),
        Field("tags", "text", Text("Tags", "标签"), meaning="with commas"),
        Field("enterprise", "text", Text("Enterprise", "企业")),
        Field(
            "enterprise_uscc", "text", Text("Unified social credit code", "统一社会信用代码"), meaning="18 characters, GB 32100"
        ),
        Field("industry_code", "text", Text("Industry", "行业代码"), meaning="GB/T 4754, as C3311"),
        Field("leader", "text", Text("Leader in charge", "包挂领导")),
        Field("department", "text", Text("Responsible department", "责任部门")),
        Field("steward", "text", Text("Project steward", "项目管家")),
        Field("work_plan", "text", Text("Work plan", "工作方案"), meaning="number or hash of the document"),
        Field("target", "text", Text("Target", "目标任务")),
        Field("target_item", "text", Text("Target step", "目标节点"), meaning="the item that the target day is for"),
        Field("target_on", "date", Text("Target day", "目标日期")),
        Field("continued", "flag", Text("Continued", "续建"), meaning="false: new; of infrastructure"),
        Field("funder", "text", Text("Funder", "投融资主体")),
        Field("funds_planned", "integer", Text("Funds planned", "计划资金"), unit=MONEY),
        Field("funds_paid", "integer", Text("Funds paid", "已拨付资金"), unit=MONEY),
        Field("investment_planned", "integer", Text("Investment planned", "计划总投资"), unit=MONEY),
        Field("fixed_investment_planned", "integer", Text("Fixed investment planned", "计划固定资产投资"), unit=MONEY),
        Field("investment_actual", "integer", Text("Investment made", "完成投资"), unit=MONEY, meaning="in all so far"),
        Field("output_expected", "integer", Text("Output expected", "预计年产值"), unit=f"{MONEY}/a"),
        Field("output_actual", "integer", Text("Output", "年产值"), unit=f"{MONEY}/a"),
        Field("tax_expected", "integer", Text("Tax expected", "预计年税收"), unit=f"{MONEY}/a"),
        Field("tax_actual", "integer", Text("Tax", "年税收"), unit=f"{MONEY}/a", signed=True),
        Field("jobs_expected", "integer", Text("Jobs expected", "预计就业"), unit="1"),
        Field("jobs_actual", "integer", Text("Jobs", "就业"), unit="1"),
        Field("floor_planned", "real", Text("Floor area planned", "计划建筑面积"), unit="m2"),
        Field("four_bounds", "text", Text("Four bounds", "四至")),
        Field("required_area", "real", Text("Required area", "需求面积"), unit="m2"),
        Field("required_use_code", "text", Text("Required use", "需求用途"), codes=PLANNING_2023),
        *(
            Field(
                f"demand_{kind}",
                "real",
                title,
                unit=LOADS[kind],
                meaning="what it asks for; once it has a site, the site's holds",
            )
            for kind, title in DEMANDS.items()
        ),
    ),
    colour="#BB9674",
)
PHASES = Layer(
    name="phases",
    title=Text("Phases of projects", "项目分期"),
    geometry="none",
    question=Text("Into which phases is a project parted, and what is each to bring by when?", "项目分几期,各期规模与目标如何?"),
    fields=(
        PROJECT,
        Field("phase", "integer", Text("Phase", "分期"), unit="1", required=True, meaning="from 1"),
        Field("name", "text", Text("Name", "名称")),
        Field("area", "real", Text("Area", "用地面积"), unit="m2"),
        Field("investment_planned", "integer", Text("Investment planned", "计划总投资"), unit=MONEY),
        Field("investment_actual", "integer", Text("Investment made", "完成投资"), unit=MONEY, meaning="in all so far"),
        Field("floor_planned", "real", Text("Floor area planned", "计划建筑面积"), unit="m2"),
        Field("target_item", "text", Text("Target step", "目标节点"), meaning="missing: production, or the last step"),
        Field("target_on", "date", Text("Target day", "目标日期"), meaning="missing: that of the project"),
    ),
)
TABLES = (PROJECTS, PHASES)
