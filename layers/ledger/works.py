"""Works of projects: buildings, connections to utilities, relocations of lines, sections of roads, earth and green, points set out."""

from __future__ import annotations

from layers.base import Field, Layer, Text, codes
from layers.ledger.land import PHASE, PROJECT
from layers.service import DEMANDS

UTILITIES = codes(
    ("water", "water", "给水"), ("sewage", "sewage", "污水"), ("storm", "storm water", "雨水"), ("power", "power", "供电"),
    ("gas", "gas", "燃气"), ("heat", "heat", "供热"), ("telecom", "telecom", "通信"), ("road", "road", "道路"),
)  # fmt: skip
PROGRESS = codes(
    ("planned", "planned", "计划"), ("started", "started", "已开工"), ("above_ground", "above ground", "出正负零"),
    ("topped_out", "topped out", "已封顶"), ("completed", "completed", "已竣工"), ("accepted", "accepted", "已验收"),
)  # fmt: skip
SHAPED = codes(
    ("fill", "fill", "土方回填", "#BB9674"), ("excavation", "excavation", "土方开挖", "#882255"),
    ("shaping", "shaping of the ground", "堆坡造型", "#DDCC77"), ("planting", "lawn and flowers", "草花种植", "#009E73"),
)  # fmt: skip

BUILDINGS = Layer(
    name="buildings",
    title=Text("Buildings", "单体建筑"),
    geometry="none",
    question=Text("How far is each building, and may it be used already?", "各单体建筑进度如何,能否先行使用?"),
    fields=(
        PROJECT,
        PHASE,
        Field("name", "text", Text("Name", "名称"), required=True),
        Field("floor_area", "real", Text("Floor area", "建筑面积"), unit="m2"),
        Field("progress", "text", Text("Progress", "进度"), codes=PROGRESS),
        Field("started_on", "date", Text("Started", "开工日期")),
        Field("completed_on", "date", Text("Completed", "竣工日期")),
        Field("accepted_on", "date", Text("Accepted", "验收日期"), meaning="each building may be accepted by itself"),
        Field("title_on", "date", Text("Title", "不动产登记日期")),
        Field("remark", "text", Text("Remark", "备注")),
    ),
)
CONNECTIONS = Layer(
    name="connections",
    title=Text("Connection orders", "接入工单"),
    geometry="none",
    question=Text("Which utilities were ordered for a project, and are they connected?", "项目报装了哪些配套,是否已接入?"),
    fields=(
        PROJECT,
        Field("parcel", "text", Text("Parcel", "宗地")),
        Field("utility", "text", Text("Utility", "配套"), codes=UTILITIES, required=True),
        Field("operator", "text", Text("Operator", "运营单位")),
        Field("ordered_on", "date", Text("Ordered", "报装日期")),
        Field("planned_on", "date", Text("Planned", "计划接入日期")),
        Field("connected_on", "date", Text("Connected", "接入日期")),
    ),
)
RELOCATIONS = Layer(
    name="relocations",
    title=Text("Relocation works", "迁改工程"),
    geometry="none",
    question=Text("Which lines are moved out of the way, and from when?", "哪些管线需要迁改,何时完成?"),
    fields=(
        PROJECT,
        Field("corridor", "text", Text("Corridor", "走廊"), meaning="number in corridors or utilities"),
        Field("name", "text", Text("Name", "名称")),
        Field("operator", "text", Text("Operator", "产权单位")),
        Field("planned_on", "date", Text("Planned", "计划完成日期")),
        Field("done_on", "date", Text("Done", "完成日期")),
    ),
)
SECTIONS = Layer(
    name="sections",
    title=Text("Sections of infrastructure", "工程标段"),
    geometry="none",
    question=Text(
        "Which part of a road or pipe is built when, with which lines in one round?", "各标段何时建设,哪些管线同步敷设?"
    ),
    fields=(
        PROJECT,
        Field("name", "text", Text("Name", "名称"), required=True),
        Field("road", "text", Text("Road", "道路"), meaning="number in roads"),
        Field("length", "real", Text("Length", "长度"), unit="m"),
        Field("width", "real", Text("Red-line width", "红线宽"), unit="m"),
        Field("utilities", "text", Text("Lines laid under it", "同步管线"), meaning=f"of {', '.join(DEMANDS)}, with commas"),
        Field("round", "text", Text("Coordination round", "协调会")),
        Field("planned_from", "date", Text("Planned from", "计划开始")),
        Field("planned_to", "date", Text("Planned to", "计划完成")),
        Field("started_on", "date", Text("Started", "开工日期")),
        Field("done_on", "date", Text("Done", "完成日期")),
    ),
)
LANDSCAPING = Layer(
    name="landscaping",
    title=Text("Earthworks and landscaping", "土方与绿化"),
    geometry="none",
    question=Text("How much earth is moved, how much ground is shaped and planted?", "回填多少土方,堆坡造型和草花种植多少面积?"),
    fields=(
        PROJECT,
        Field("name", "text", Text("Name", "名称")),
        Field("kind", "text", Text("Kind", "类型"), codes=SHAPED, required=True),
        Field("volume", "real", Text("Volume", "土方量"), unit="m3", meaning="of fill and excavation"),
        Field("area", "real", Text("Area", "面积"), unit="m2", meaning="of shaping and planting"),
        Field("planned_on", "date", Text("Planned", "计划完成日期")),
        Field("done_on", "date", Text("Done", "完成日期")),
    ),
)
SET_OUTS = Layer(
    name="set_outs",
    title=Text("Setting out", "规划放点"),
    geometry="any",
    question=Text("Which points are to be set out on site, and was it done in time?", "哪些点位申请规划放点,是否按时完成?"),
    fields=(
        PROJECT,
        Field("parcel", "text", Text("Parcel", "宗地"), meaning="whose boundary points are set out"),
        Field("building", "text", Text("Building", "单体建筑"), meaning="whose corners are set out"),
        Field("requested_on", "date", Text("Requested", "申请日期")),
        Field("done_on", "date", Text("Done", "完成日期")),
        Field("surveyor", "text", Text("Surveyor", "放点单位")),
        Field("number", "text", Text("Document", "成果编号")),
    ),
    colour="#CC79A7",
)
TABLES = (BUILDINGS, CONNECTIONS, RELOCATIONS, SECTIONS, LANDSCAPING, SET_OUTS)
