"""Listings: land that is put up for sale, with the terms that its notice prints; which plot is offered, and how?

Fields: the notice of a listing (挂牌公告), domain.md section 5 [R41].
"""

from __future__ import annotations

from layers.base import Field, Layer, Text, codes
from layers.codes import PLANNING_2023

MONEY = "CNY"
STATES = codes(
    ("draft", "draft", "草拟", "#BBBBBB"),
    ("reviewed", "reviewed", "已审核", "#E69F00"),
    ("published", "published", "已发布", "#0072B2"),
    ("withdrawn", "withdrawn", "已撤回", "#666666"),
    ("sold", "sold", "已成交", "#CC79A7"),
)
AWARDS = codes(("price", "the highest bid", "价高者得"), ("terms", "the best terms", "综合条件最佳者得"))
LEVELS = codes(("3", "three services and level", "三通一平"), ("5", "five services and level", "五通一平"), ("7", "seven services and level", "七通一平"))  # fmt: skip

NOTICE = (
    Field("notice_no", "text", Text("Notice no.", "公告号")),
    Field("grantor", "text", Text("Grantor", "出让人")),
    Field("authority", "text", Text("Approved by", "批准机关")),
    Field("announced_on", "date", Text("Announced on", "公告日期")),
    Field("registration_from", "date", Text("Registration from", "报名开始")),
    Field("registration_to", "date", Text("Registration until", "报名截止")),
    Field("deposit_by", "date", Text("Deposit by", "保证金截止")),
    Field("listing_from", "date", Text("Listing opens", "挂牌开始")),
    Field("listing_to", "date", Text("Listing closes", "挂牌截止")),
    Field("platform", "text", Text("Trading platform", "交易平台")),
    Field("award", "text", Text("Awarded to", "竞得原则"), codes=AWARDS),
    Field("reserve", "flag", Text("Reserve price", "设有底价")),
    Field("contact", "text", Text("Contact", "联系人")),
    Field("account", "text", Text("Account of the deposit", "保证金账户")),
)
LOT = (
    Field("location", "text", Text("Location", "坐落"), meaning="the four bounds (四至) in words"),
    Field("area", "real", Text("Area", "宗地面积"), unit="m2", meaning="of the plot as it is stored"),
    Field("use_code", "text", Text("Use", "土地用途"), codes=PLANNING_2023),
    Field("tenure_years", "integer", Text("Tenure", "出让年限"), unit="a"),
    Field("far", "text", Text("Floor area ratio", "容积率")),
    Field("building_coefficient", "text", Text("Building coefficient", "建筑系数"), unit="%"),
    Field("building_density", "text", Text("Building density", "建筑密度"), unit="%"),
    Field("green_ratio", "text", Text("Green ratio", "绿地率"), unit="%"),
    Field("height", "text", Text("Height limit", "限高"), unit="m"),
    Field("admin_share", "text", Text("Administration and living", "办公生活占比"), unit="%"),
    Field("investment", "text", Text("Investment intensity", "投资强度"), unit="10^4 CNY/mu"),
    Field("output", "text", Text("Output by area", "亩均产值"), unit="10^4 CNY/mu"),
    Field("tax", "text", Text("Tax by area", "亩均税收"), unit="10^4 CNY/mu"),
    Field("energy", "text", Text("Energy standard", "能耗标准")),
    Field("environment", "text", Text("Environmental standard", "环境标准")),
    Field("start_price", "integer", Text("Start price", "起始价"), unit=MONEY),
    Field("increment", "integer", Text("Bid increment", "增价幅度"), unit=MONEY),
    Field("deposit", "integer", Text("Deposit", "竞买保证金"), unit=MONEY),
    Field("level", "text", Text("Level of development", "开发程度"), codes=LEVELS),
    Field("handover_on", "date", Text("Handover", "交地时间")),
    Field("start_by", "date", Text("Start of construction by", "开工日期")),
    Field("complete_by", "date", Text("Completion by", "竣工日期")),
    Field("with_scheme", "flag", Text("With a scheme", "带方案出让")),
    Field("scheme_no", "text", Text("Scheme no.", "方案编号")),
    Field("remarks", "text", Text("Remarks", "备注")),
)
CONTRACT = (
    Field("supervision_no", "text", Text("Electronic supervision no.", "电子监管号")),
    Field("unit_code", "text", Text("Real-estate unit", "不动产单元代码"), meaning="28 characters"),
    Field("vertical", "text", Text("Vertical bounds", "竖向界限")),
    Field("earnest", "integer", Text("Earnest money", "定金"), unit=MONEY),
    Field("payment", "text", Text("Payment", "付款方式")),
    Field("site_condition", "text", Text("Site at handover", "场地平整")),
    Field("surroundings", "text", Text("Infrastructure around it", "周围基础设施")),
    Field("breach", "text", Text("Breach", "违约责任")),
)
BOUNDS = frozenset(
    ("far", "building_coefficient", "building_density", "green_ratio", "height", "admin_share", "investment", "output", "tax")
)
"""Fields that hold a least and a most, written as `≥1.0` or `0.8≤x<2.0`."""
OWN = (
    Field("plot", "text", Text("Plot", "宗地编号"), required=True, meaning="number of the parcel"),
    Field("state", "text", Text("State", "状态"), codes=STATES, required=True),
    Field("override", "text", Text("Published although", "改判理由"), meaning="why it is published in spite of its faults"),
    Field("faults", "text", Text("Faults", "不符事项"), meaning="what the override passed over, a JSON array of both languages"),
    Field("scheme", "text", Text("Files of the scheme", "方案文件"), meaning="name, size and SHA-256 of each, a JSON array"),
    Field("published_on", "date", Text("Published on", "发布日期")),
    Field("entry", "integer", Text("Known entry", "依据历史条目"), meaning="the last entry of the history when it was published"),
)

LAYER = Layer(
    name="listings",
    title=Text("Listings", "供地信息"),
    geometry="none",
    question=Text("Which plots are offered, on which terms?", "哪些地块在供,条件如何?"),
    fields=(*OWN, *NOTICE, *LOT, *CONTRACT),
    colour="#CC79A7",
)
TABLES = (LAYER,)
