"""The accepting offices: the 16 cities of the province, with the region codes of their residents' numbers."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Office:
    """One accepting office. `region`: the first four digits of a resident ID number (GB/T 2260)."""

    code: str
    chinese: str
    region: str


OFFICES: Mapping[str, Office] = {
    code: Office(code, chinese, region)
    for code, chinese, region in (
        ("jinan", "济南", "3701"),
        ("qingdao", "青岛", "3702"),
        ("zibo", "淄博", "3703"),
        ("zaozhuang", "枣庄", "3704"),
        ("dongying", "东营", "3705"),
        ("yantai", "烟台", "3706"),
        ("weifang", "潍坊", "3707"),
        ("jining", "济宁", "3708"),
        ("taian", "泰安", "3709"),
        ("weihai", "威海", "3710"),
        ("rizhao", "日照", "3711"),
        ("linyi", "临沂", "3713"),  # 3712, Laiwu, became part of Jinan in 2019
        ("dezhou", "德州", "3714"),
        ("liaocheng", "聊城", "3715"),
        ("binzhou", "滨州", "3716"),
        ("heze", "菏泽", "3717"),
    )
}
