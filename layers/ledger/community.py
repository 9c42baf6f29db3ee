"""Where people live and what they live with: divisions of the land, resettlement sites, amenities; what lies where?"""

from __future__ import annotations

from layers.base import SERVICE_LIFE, Field, Layer, Text, codes
from layers.ledger.works import PROGRESS

DIVISION_KINDS = codes(
    ("district", "district", "区", "#332288"),
    ("street", "street or town", "街道(镇)", "#44AA99"),
    ("village", "village or neighbourhood", "村居", "#DDCC77"),
    ("cluster", "cluster", "组团", "#882255"),
)
AMENITY_KINDS = codes(
    ("kindergarten", "kindergarten", "幼儿园", "#88CCEE"),
    ("primary_school", "primary school", "小学", "#44AA99"),
    ("middle_school", "middle school", "中学", "#117733"),
    ("health_centre", "community health centre", "社区卫生服务中心", "#CC6677"),
    ("elderly_care", "care for the elderly", "养老服务设施", "#AA4499"),
    ("market", "market", "菜市场", "#DDCC77"),
    ("culture", "cultural centre", "文化活动中心", "#332288"),
    ("sports", "sports ground", "体育活动场地", "#999933"),
    ("bus_stop", "bus stop", "公交站", "#882255"),
)

DIVISIONS = Layer(
    name="divisions",
    title=Text("Divisions of the land", "行政区划与组团"),
    geometry="polygon",
    question=Text("In which district, street, village and cluster does land lie?", "土地位于哪个区、街道、村居和组团?"),
    fields=(
        Field("name", "text", Text("Name", "名称"), required=True),
        Field("kind", "text", Text("Kind", "级别"), codes=DIVISION_KINDS, required=True),
        Field("parent", "text", Text("Belongs to", "上级"), meaning="number of the division that it is a part of"),
    ),
    colour="#332288",
)
RESETTLEMENTS = Layer(
    name="resettlements",
    title=Text("Resettlement sites", "安置区"),
    geometry="polygon",
    question=Text(
        "Where are those resettled whose land is taken, and is it ready for them?", "被征迁居民安置在哪里,建设到哪一步?"
    ),
    fields=(
        Field("name", "text", Text("Name", "名称"), required=True),
        Field("project", "text", Text("Project", "项目")),
        Field("households", "integer", Text("Households", "安置户数"), unit="1"),
        Field("persons", "integer", Text("Persons", "安置人数"), unit="1"),
        Field("floor_area", "real", Text("Floor area", "建筑面积"), unit="m2"),
        Field("progress", "text", Text("Progress", "进度"), codes=PROGRESS),
        Field("planned_on", "date", Text("Planned", "计划交付日期")),
        Field("done_on", "date", Text("Handed over", "交付日期")),
    ),
    colour="#AA4499",
)
AMENITIES = Layer(
    name="amenities",
    title=Text("Amenities", "公共服务设施"),
    geometry="any",
    question=Text("What do people reach on foot?", "居民步行可达哪些公共服务设施?"),
    fields=(
        Field("name", "text", Text("Name", "名称")),
        Field("kind", "text", Text("Kind", "类型"), codes=AMENITY_KINDS),
        *SERVICE_LIFE,
    ),
    kind="kind",
    colour="#117733",
)
TABLES = (DIVISIONS, RESETTLEMENTS, AMENITIES)
