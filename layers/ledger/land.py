"""Land of projects: cases of the joint review, opinions of departments, approvals of acquisition and conversion."""

from __future__ import annotations

from layers.base import Field, Layer, Text, codes

REVIEW = codes(
    ("under_review", "under joint review", "联审中"),
    ("passed", "passed", "联审通过"),
    ("conditional", "passed on conditions", "有条件通过"),
    ("rejected", "rejected", "联审未通过"),
)
SUPPLY = codes(
    ("listing", "listing", "挂牌出让"),
    ("auction", "auction", "拍卖出让"),
    ("agreement", "agreement", "协议出让"),
    ("allocation", "allocation", "划拨"),
)
APPROVALS = codes(
    ("acquisition", "acquisition", "征收批复", "#E69F00"),
    ("conversion", "farmland conversion", "农用地转用批复", "#009E73"),
)
PROJECT = Field("project", "text", Text("Project", "项目"), required=True, meaning="number in projects")
PHASE = Field("phase", "integer", Text("Phase", "分期"), unit="1", meaning="missing: the whole project")

CASES = Layer(
    name="land_cases",
    title=Text("Land cases", "用地事项"),
    geometry="none",
    question=Text("Which land is a project to get, and has it got it?", "项目用地需求审查和供应到哪一步?"),
    fields=(
        PROJECT,
        PHASE,
        Field("parcels", "text", Text("Parcels", "宗地"), meaning="numbers of parcels, with commas"),
        Field("total_area", "real", Text("Total area", "总面积"), unit="m2"),
        Field("first_phase_area", "real", Text("Area of the first phase", "一期面积"), unit="m2"),
        Field("review_status", "text", Text("Joint review", "联合审查"), codes=REVIEW),
        Field("opinion_no", "text", Text("Review opinion", "联审意见号")),
        Field("opinion_on", "date", Text("Day of the opinion", "联审意见日期")),
        Field("valid_until", "date", Text("Valid until", "有效期至"), meaning="last day on which the opinion holds"),
        Field("supply", "text", Text("Way of supply", "供应方式"), codes=SUPPLY),
        Field("contract_no", "text", Text("Contract", "合同号")),
        Field("supplied_on", "date", Text("Day of supply", "供应日期"), meaning="day of the contract or of the allocation"),
        Field("supplied_area", "real", Text("Area supplied", "供应面积"), unit="m2"),
        Field("start_due_on", "date", Text("Start agreed", "约定开工日期"), meaning="missing: the day of supply"),
    ),
)
OPINIONS = Layer(
    name="opinions",
    title=Text("Opinions of departments", "部门意见"),
    geometry="none",
    question=Text("What did each department say of the land of a project?", "各部门对项目用地意见如何?"),
    fields=(
        PROJECT,
        Field("land_case", "text", Text("Land case", "用地事项")),
        Field("department", "text", Text("Department", "部门"), required=True),
        Field("opinion", "text", Text("Opinion", "意见"), codes=REVIEW),
        Field("number", "text", Text("Document", "文号")),
        Field("given_on", "date", Text("Given on", "出具日期")),
        Field("valid_until", "date", Text("Valid until", "有效期至")),
        Field("conditions", "text", Text("Conditions", "条件")),
    ),
)
APPROVED = Layer(
    name="approvals",
    title=Text("Approvals of land", "用地批复"),
    geometry="polygon",
    question=Text("Which land may be acquired or converted, by which document?", "哪些土地已获征收或转用批复?"),
    fields=(
        Field("kind", "text", Text("Kind", "类型"), codes=APPROVALS, required=True),
        Field("batch", "text", Text("Batch", "批次")),
        Field("number", "text", Text("Document", "批文号")),
        Field("authority", "text", Text("Authority", "批准机关")),
        Field("approved_on", "date", Text("Approved on", "批准日期")),
        Field("arable_area", "real", Text("Arable land", "耕地面积"), unit="m2"),
    ),
    colour="#E69F00",
)
TABLES = (CASES, OPINIONS, APPROVED)
