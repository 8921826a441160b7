"""Where generated people live: counties of the province's 16 cities (GB/T 2260), streets, and how many people."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class County:
    """One county or district. `region`: the six digits that resident numbers begin with; `city`: the office's code."""

    region: str
    chinese: str
    city: str


# Millions of residents (census of 2020), the weight of each accepting office.
CITY_WEIGHTS: Mapping[str, float] = {
    "jinan": 9.2,
    "qingdao": 10.1,
    "zibo": 4.7,
    "zaozhuang": 3.9,
    "dongying": 2.2,
    "yantai": 7.1,
    "weifang": 9.4,
    "jining": 8.4,
    "taian": 5.5,
    "weihai": 2.9,
    "rizhao": 3.0,
    "linyi": 11.0,
    "dezhou": 5.6,
    "liaocheng": 6.0,
    "binzhou": 3.9,
    "heze": 8.8,
}

_COUNTIES: Mapping[str, str] = {
    "jinan": "370102历下区 370103市中区 370104槐荫区 370105天桥区 370112历城区 370113长清区 370124平阴县 370126商河县",
    "qingdao": "370202市南区 370203市北区 370211黄岛区 370212崂山区 370214城阳区 370281胶州市 370283平度市",
    "zibo": "370302淄川区 370303张店区 370304博山区 370305临淄区 370306周村区 370321桓台县",
    "zaozhuang": "370402市中区 370403薛城区 370404峄城区 370406山亭区 370481滕州市",
    "dongying": "370502东营区 370503河口区 370522利津县 370523广饶县",
    "yantai": "370602芝罘区 370611福山区 370612牟平区 370681龙口市 370683莱州市 370685招远市",
    "weifang": "370702潍城区 370703寒亭区 370724临朐县 370781青州市 370783寿光市 370785高密市",
    "jining": "370826微山县 370828金乡县 370830汶上县 370831泗水县 370881曲阜市 370883邹城市",
    "taian": "370902泰山区 370921宁阳县 370923东平县 370982新泰市 370983肥城市",
    "weihai": "371002环翠区 371082荣成市 371083乳山市",
    "rizhao": "371102东港区 371103岚山区 371121五莲县 371122莒县",
    "linyi": "371302兰山区 371311罗庄区 371321沂南县 371323沂水县 371326平邑县 371328蒙阴县",
    "dezhou": "371402德城区 371422宁津县 371424临邑县 371425齐河县 371482禹城市",
    "liaocheng": "371502东昌府区 371521阳谷县 371522莘县 371524东阿县 371581临清市",
    "binzhou": "371602滨城区 371621惠民县 371623无棣县 371625博兴县",
    "heze": "371702牡丹区 371721曹县 371722单县 371724巨野县 371725郓城县 371728东明县",
}

COUNTIES: Mapping[str, tuple[County, ...]] = {
    city: tuple(County(entry[:6], entry[6:], city) for entry in entries.split()) for city, entries in _COUNTIES.items()
}

_STREETS = "解放路 泉城路 人民路 建设街 和平路 新华街 文化路 青年路 历山路 胜利街 中山路 府前街 东风路 迎宾路"
_ESTATES = "阳光花园 明湖小区 锦绣家园 翡翠城 泰和苑 银座花园 文苑小区 滨河新村"

STREETS, ESTATES = tuple(_STREETS.split()), tuple(_ESTATES.split())
