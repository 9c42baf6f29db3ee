"""Code lists that several layers share: the land-use classifications, in both languages and with colours.

The digits of the code systems collide (1001 is railway land in the survey and industrial land in the plan), so a code means
nothing without its `code_system`. A code belongs to the code that is its longest proper prefix, and is drawn in its colour
unless it has one of its own.

Codes: domain.md section 3 [R33, R3]; wording of the names and the adjustable (可调整, K) survey codes: common knowledge [M].
"""

from __future__ import annotations

from collections.abc import Container

from layers.base import Codes, codes

CODE_SYSTEMS = codes(
    ("survey_gtdc", "national land survey (三调)", "三调地类"),
    ("planning_2023", "land and sea use classification 2023", "用地用海分类(2023)"),
    ("gb50137", "GB 50137-2011", "城市用地分类(GB 50137)"),
    ("local", "local code", "地方编码"),
)


def parent(code: str, known: Container[str]) -> str | None:
    """Find the class that a code belongs to: its longest proper prefix among `known`, None for a top class."""
    return next((code[:n] for n in range(len(code) - 1, 1, -1) if code[:n] in known), None)


def table(text: str) -> Codes:
    """Read a code list from lines of `code | English | Chinese [| colour]`; a class stands before what belongs to it."""
    known: dict[str, str] = {}
    rows = []
    for line in text.strip().splitlines():
        code, en, zh, *own = (cell.strip() for cell in line.split("|"))
        known[code] = own[0] if own else known[parent(code, known) or ""]
        rows.append((code, en, zh, known[code]))
    return codes(*rows)


PLANNING_2023 = table("""
01     | arable land                                   | 耕地                         | #F2E394
0101   | paddy                                         | 水田
0102   | irrigated land                                | 水浇地
0103   | dry land                                      | 旱地
02     | garden land                                   | 园地                         | #D9C75B
0201   | orchard                                       | 果园
0202   | tea garden                                    | 茶园
0203   | rubber plantation                             | 橡胶园地
0204   | oil-crop plantation                           | 油料园地
0205   | other garden land                             | 其他园地
03     | forest land                                   | 林地                         | #3F8F4F
0301   | tree forest                                   | 乔木林地
0302   | bamboo forest                                 | 竹林地
0303   | shrub land                                    | 灌木林地
0304   | other forest land                             | 其他林地
04     | grassland                                     | 草地                         | #B5CF6B
0401   | natural pasture                               | 天然牧草地
0402   | sown pasture                                  | 人工牧草地
0403   | other grassland                               | 其他草地
05     | wetland                                       | 湿地                         | #66A3A3
0501   | forest swamp                                  | 森林沼泽
0502   | shrub swamp                                   | 灌丛沼泽
0503   | marsh grassland                               | 沼泽草地
0504   | other marshland                               | 其他沼泽地
0505   | coastal tidal flat                            | 沿海滩涂
0506   | inland tidal flat                             | 内陆滩涂
0507   | mangrove                                      | 红树林地
06     | agricultural facilities                       | 农业设施建设用地             | #C4A35A
0601   | rural road                                    | 农村道路
060101 | village road                                  | 村道用地
060102 | field track                                   | 田间道
0602   | agricultural facility                         | 设施农用地
060201 | crop-growing facility                         | 种植设施建设用地
060202 | livestock facility                            | 畜禽养殖设施建设用地
060203 | aquaculture facility                          | 水产养殖设施建设用地
07     | residential                                   | 居住用地                     | #FFFF2D
0701   | urban residential                             | 城镇住宅用地                 | #FFFF2D
070101 | urban residential, class 1                    | 一类城镇住宅用地
070102 | urban residential, class 2                    | 二类城镇住宅用地
070103 | urban residential, class 3                    | 三类城镇住宅用地
0702   | urban community services                      | 城镇社区服务设施用地         | #FFC080
0703   | rural homestead                               | 农村宅基地                   | #E6D45C
070301 | rural homestead, class 1                      | 一类农村宅基地
070302 | rural homestead, class 2                      | 二类农村宅基地
0704   | rural community services                      | 农村社区服务设施用地         | #FFC080
08     | public administration and services            | 公共管理与公共服务用地       | #FF69B4
0801   | government and institutions                   | 机关团体用地
0802   | research                                      | 科研用地
0803   | culture                                       | 文化用地
080301 | library and exhibition                        | 图书与展览用地
080302 | cultural activities                           | 文化活动用地
0804   | education                                     | 教育用地
080401 | higher education                              | 高等教育用地
080402 | secondary vocational education                | 中等职业教育用地
080403 | primary and secondary school                  | 中小学用地
080404 | kindergarten                                  | 幼儿园用地
080405 | other education                               | 其他教育用地
0805   | sports                                        | 体育用地
080501 | sports venue                                  | 体育场馆用地
080502 | sports training                               | 体育训练用地
0806   | health care                                   | 医疗卫生用地
080601 | hospital                                      | 医院用地
080602 | primary health care                           | 基层医疗卫生设施用地
080603 | public health                                 | 公共卫生用地
0807   | social welfare                                | 社会福利用地
080701 | welfare of the elderly                        | 老年人社会福利用地
080702 | welfare of children                           | 儿童社会福利用地
080703 | welfare of the disabled                       | 残疾人社会福利用地
080704 | other social welfare                          | 其他社会福利用地
09     | commercial services                           | 商业服务业用地               | #FF0000
0901   | commerce                                      | 商业用地                     | #FF0000
090101 | retail                                        | 零售商业用地
090102 | wholesale market                              | 批发市场用地
090103 | catering                                      | 餐饮用地
090104 | hotel                                         | 旅馆用地
090105 | utility sales outlet                          | 公用设施营业网点用地
0902   | business and finance                          | 商务金融用地                 | #C24E4E
0903   | entertainment                                 | 娱乐用地                     | #FF7F50
0904   | other commercial services                     | 其他商业服务业用地           | #E08080
10     | industry and mining                           | 工矿用地                     | #BB9674
1001   | industrial                                    | 工业用地                     | #BB9674
100101 | industrial, class 1                           | 一类工业用地
100102 | industrial, class 2                           | 二类工业用地
100103 | industrial, class 3                           | 三类工业用地
1002   | mining                                        | 采矿用地                     | #8F6B4A
1003   | salt pan                                      | 盐田                         | #C9B8A8
11     | storage                                       | 仓储用地                     | #8761D3
1101   | logistics and storage                         | 物流仓储用地                 | #8761D3
110101 | logistics and storage, class 1                | 一类物流仓储用地
110102 | logistics and storage, class 2                | 二类物流仓储用地
110103 | logistics and storage, class 3                | 三类物流仓储用地
1102   | reserve depot                                 | 储备库用地                   | #6A4AA8
12     | transport                                     | 交通运输用地                 | #ADADAD
1201   | railway                                       | 铁路用地
1202   | highway                                       | 公路用地                     | #ADADAD
1203   | airport                                       | 机场用地
1204   | port and wharf                                | 港口码头用地
1205   | pipeline transport                            | 管道运输用地
1206   | urban rail transit                            | 城市轨道交通用地
1207   | urban and village road                        | 城镇村道路用地
1208   | transport station                             | 交通场站用地
120801 | long-distance transport station               | 对外交通场站用地
120802 | public transport station                      | 公共交通场站用地
120803 | public car park                               | 社会停车场用地
1209   | other transport                               | 其他交通设施用地
13     | public utilities                              | 公用设施用地                 | #3D7E9A
1301   | water supply                                  | 供水用地
1302   | drainage                                      | 排水用地
1303   | power supply                                  | 供电用地
1304   | gas supply                                    | 供燃气用地
1305   | heat supply                                   | 供热用地
1306   | telecommunication                             | 通信用地
1307   | post                                          | 邮政用地
1308   | broadcasting                                  | 广播电视设施用地
1309   | sanitation                                    | 环卫用地
1310   | fire protection                               | 消防用地
1311   | hydraulic works                               | 水工设施用地
1312   | other public utilities                        | 其他公用设施用地
14     | green and open space                          | 绿地与开敞空间用地           | #00FF00
1401   | park                                          | 公园绿地                     | #00FF00
1402   | protective green                              | 防护绿地                     | #5DBB63
1403   | square                                        | 广场用地                     | #C8E6A0
15     | special use                                   | 特殊用地                     | #6B6B47
1501   | military                                      | 军事设施用地
1502   | embassy and consulate                         | 使领馆用地
1503   | religion                                      | 宗教用地
1504   | heritage                                      | 文物古迹用地
1505   | prison and correction                         | 监教场所用地
1506   | funeral and burial                            | 殡葬用地
1507   | other special use                             | 其他特殊用地
16     | reserved for a later decision                 | 留白用地                     | #FFFFFF
17     | inland water                                  | 陆地水域                     | #88CCEE
1701   | river                                         | 河流水面
1702   | lake                                          | 湖泊水面
1703   | reservoir                                     | 水库水面
1704   | pond                                          | 坑塘水面
1705   | ditch                                         | 沟渠
1706   | glacier and permanent snow                    | 冰川及常年积雪
18     | sea for fishery                               | 渔业用海                     | #7FB8E6
1801   | fishery facility                              | 渔业基础设施用海
1802   | aquaculture and stock enhancement             | 增养殖用海
1803   | fishing ground                                | 捕捞海域
1804   | island for farming, forestry and grazing      | 农林牧业用岛
19     | sea for industry, mining and telecommunication | 工矿通信用海                | #7D86C4
1901   | sea for industry                              | 工业用海
1902   | sea for salt pans                             | 盐田用海
1903   | sea for solid minerals                        | 固体矿产用海
1904   | sea for oil and gas                           | 油气用海
1905   | sea for renewable energy                      | 可再生能源用海
1906   | sea for submarine cables and pipelines        | 海底电缆管道用海
20     | sea for transport                             | 交通运输用海                 | #8A9FB0
2001   | sea for ports                                 | 港口用海
2002   | sea for shipping                              | 航运用海
2003   | sea for roads, bridges and tunnels            | 路桥隧道用海
2004   | sea for airports                              | 机场用海
2005   | sea for other transport                       | 其他交通运输用海
21     | sea for recreation                            | 游憩用海                     | #8FD4D4
2101   | sea for scenic tourism                        | 风景旅游用海
2102   | sea for culture, sports and leisure           | 文体休闲娱乐用海
22     | sea for special use                           | 特殊用海                     | #55708F
2201   | sea for the military                          | 军事用海
2202   | sea for research and education                | 科研教育用海
2203   | sea for protection, restoration and coast defence | 海洋保护修复及海岸防护工程用海
2204   | sea for discharge and dumping                 | 排污倾倒用海
2205   | sea for underwater heritage                   | 水下文物保护用海
2206   | sea for other special use                     | 其他特殊用海
23     | other land                                    | 其他土地                     | #D8CBB8
2301   | vacant land                                   | 空闲地
2302   | reserve arable land                           | 后备耕地
2303   | field ridge                                   | 田坎
2304   | saline land                                   | 盐碱地
2305   | sandy land                                    | 沙地
2306   | bare soil                                     | 裸土地
2307   | bare rock and gravel                          | 裸岩石砾地
24     | other sea                                     | 其他海域                     | #C4E1F2
""")

SURVEY_GTDC = table("""
01     | arable land                         | 耕地                     | #F2E394
0101   | paddy                               | 水田
0102   | irrigated land                      | 水浇地
0103   | dry land                            | 旱地
02     | plantation                          | 种植园用地               | #D9C75B
0201   | orchard                             | 果园
0201K  | orchard, adjustable                 | 可调整果园
0202   | tea garden                          | 茶园
0202K  | tea garden, adjustable              | 可调整茶园
0203   | rubber plantation                   | 橡胶园
0203K  | rubber plantation, adjustable       | 可调整橡胶园
0204   | other garden land                   | 其他园地
0204K  | other garden land, adjustable       | 可调整其他园地
03     | forest land                         | 林地                     | #3F8F4F
0301   | tree forest                         | 乔木林地
0301K  | tree forest, adjustable             | 可调整乔木林地
0302   | bamboo forest                       | 竹林地
0302K  | bamboo forest, adjustable           | 可调整竹林地
0303   | mangrove                            | 红树林地
0304   | forest swamp                        | 森林沼泽
0305   | shrub land                          | 灌木林地
0306   | shrub swamp                         | 灌丛沼泽
0307   | other forest land                   | 其他林地
0307K  | other forest land, adjustable       | 可调整其他林地
04     | grassland                           | 草地                     | #B5CF6B
0401   | natural pasture                     | 天然牧草地
0402   | marsh grassland                     | 沼泽草地
0403   | sown pasture                        | 人工牧草地
0403K  | sown pasture, adjustable            | 可调整人工牧草地
0404   | other grassland                     | 其他草地
05     | commercial services                 | 商业服务业用地           | #FF0000
05H1   | commercial service facility         | 商业服务业设施用地
0508   | logistics and storage               | 物流仓储用地             | #8761D3
06     | industry and mining                 | 工矿用地                 | #BB9674
0601   | industrial                          | 工业用地
0602   | mining                              | 采矿用地                 | #8F6B4A
0603   | salt pan                            | 盐田                     | #C9B8A8
07     | residential                         | 住宅用地                 | #FFFF2D
0701   | urban residential                   | 城镇住宅用地
0702   | rural homestead                     | 农村宅基地               | #E6D45C
08     | public administration and services  | 公共管理与公共服务用地   | #FF69B4
08H1   | government, press and publishing    | 机关团体新闻出版用地
08H2   | research, education, culture, health | 科教文卫用地
08H2A  | higher education                    | 高教用地
0809   | public utilities                    | 公用设施用地             | #3D7E9A
0810   | park and green                      | 公园与绿地               | #00FF00
0810A  | square                              | 广场用地                 | #C8E6A0
09     | special use                         | 特殊用地                 | #6B6B47
10     | transport                           | 交通运输用地             | #ADADAD
1001   | railway                             | 铁路用地
1002   | rail transit                        | 轨道交通用地
1003   | highway                             | 公路用地
1004   | urban and village road              | 城镇村道路用地
1005   | transport station                   | 交通服务场站用地
1006   | rural road                          | 农村道路                 | #C4A35A
1007   | airport                             | 机场用地
1008   | port and wharf                      | 港口码头用地
1009   | pipeline transport                  | 管道运输用地
11     | water and hydraulic works           | 水域及水利设施用地       | #88CCEE
1101   | river                               | 河流水面
1102   | lake                                | 湖泊水面
1103   | reservoir                           | 水库水面
1104   | pond                                | 坑塘水面
1104A  | fish pond                           | 养殖坑塘
1104K  | fish pond, adjustable               | 可调整养殖坑塘
1105   | coastal tidal flat                  | 沿海滩涂                 | #66A3A3
1106   | inland tidal flat                   | 内陆滩涂                 | #66A3A3
1107   | ditch                               | 沟渠
1107A  | main canal                          | 干渠
1108   | marshland                           | 沼泽地                   | #66A3A3
1109   | hydraulic works                     | 水工建筑用地             | #3D7E9A
1110   | glacier and permanent snow          | 冰川及永久积雪
12     | other land                          | 其他土地                 | #D8CBB8
1201   | vacant land                         | 空闲地
1202   | agricultural facility               | 设施农用地               | #C4A35A
1203   | field ridge                         | 田坎
1204   | saline land                         | 盐碱地
1205   | sandy land                          | 沙地
1206   | bare soil                           | 裸土地
1207   | bare rock and gravel                | 裸岩石砾地
1208   | reserve arable land                 | 后备耕地
""")
