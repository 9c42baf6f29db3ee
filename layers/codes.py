"""Code lists that several layers share: the land-use classifications, in both languages and with colours."""

from layers.base import codes

CODE_SYSTEMS = codes(
    ("survey_gtdc", "national land survey (三调)", "三调地类"),
    ("planning_2023", "land and sea use classification 2023", "用地用海分类(2023)"),
    ("gb50137", "GB 50137-2011", "城市用地分类(GB 50137)"),
    ("local", "local code", "地方编码"),
)
PLANNING_2023 = codes(("1001", "industrial", "工业用地", "#BB9674"), ("100102", "industrial, class 2", "二类工业用地", "#BB9674"))
SURVEY_GTDC = codes(("0101", "paddy", "水田", "#FFFF99"), ("0601", "industrial", "工业用地", "#BB9674"))
