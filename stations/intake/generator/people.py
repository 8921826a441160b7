"""Generated people: names as they are common, resident numbers that check, ages as the applicants' are."""

import random
from dataclasses import dataclass
from datetime import date, timedelta

from stations import resident_id
from stations.documents import ADULT_YEARS, FREE_POST_AGE, age, anniversary
from stations.intake.generator.places import CITY_WEIGHTS, COUNTIES, County
from stations.names import romanise
from stations.offices import OFFICES

# The commonest surnames with the share of people who bear them, in thousandths; then a few with readings of their own.
_SURNAMES = (
    "王72 李70 张68 刘54 陈45 杨31 黄22 赵23 吴20 周21 徐17 孙20 马14 朱13 胡12 郭12 "
    "何10 高14 林10 罗8 郑9 梁8 宋9 谢7 唐6 韩9 曹8 许7 邓5 冯6 程6 蔡5 彭4 潘4 袁5 于10 "
    "董7 余3 苏4 吕7 魏6 蒋4 田5 杜5 丁5 沈3 姜6 范4 江3 傅3 钟3 卢3 汪3 戴3 崔5 任5 陆3 "
    "廖2 姚3 方3 金3 邱3 夏2 谭3 贾4 邹3 石3 熊2 孟4 秦3 阎1 薛3 侯3 雷2 白2 龙2 段2 郝2 "
    "孔4 邵2 史2 毛2 常2 万2 顾2 赖1 武2 康2 贺2 严2 尹3 解2 曾3 仇1 单1 查1 翟2 牟1 逄1 "
    "盖1 缪1 欧阳1 司马1 诸葛1 尉迟1"
)
_MALE_OLD = "建国 国强 志刚 建军 永强 德福 玉柱 长海 树林 洪涛 宝山 庆华 学文 世杰 振东 春生 光明 卫东 兴旺 传福"
_MALE_YOUNG = (
    "伟 强 磊 洋 勇 军 杰 涛 超 明 鹏 浩然 子轩 俊杰 宇航 晓明 文博 一鸣 天佑 嘉豪 泽宇 "
    "梓睿 思远 鑫 凯 博文 旭东 志远 晓峰 海涛"
)
_FEMALE_OLD = "秀英 桂英 秀兰 玉兰 玉珍 凤英 桂兰 淑珍 爱华 春梅 月英 素珍 翠花 金凤 桂芳 玉华 兰英 美荣 庆玲 淑敏"
_FEMALE_YOUNG = (
    "芳 娜 敏 静 丽 艳 娟 霞 雪 婷 欣怡 梓涵 诗涵 雨桐 佳怡 晓燕 思琪 梦瑶 可馨 玥 倩 "
    "雅琴 晓彤 淑慧 若曦 嘉怡 子涵 清 洁 吕"
)
# Characters with a look-alike, for signatures that are wrong by one stroke.
LOOK_ALIKES = {"晓": "哓", "清": "晴", "倩": "清", "杨": "扬", "明": "朋", "博": "搏", "洁": "诘"}

_OLD = 50
_SEQUENCES = 500
# Persons whose birth dates differ modulo this many days differ for certain: 512,000 different people a seed.
_DAYS_APART = 1_024


@dataclass(frozen=True, slots=True)
class Person:
    """A generated person; `surname_latin` and `given_names_latin` are the expected romanisation."""

    surname: str
    given_names: str
    surname_latin: str
    given_names_latin: str
    sex: str
    born: date
    resident_id: str
    home: County
    phone: str

    @property
    def name(self) -> str:
        """Surname and given names as written."""
        return self.surname + self.given_names

    def years(self, on: date) -> int:
        """Completed years of life on that day."""
        return age(self.born, on)


def make_person(rng: random.Random, index: int, on: date, *, group: str, look_alike: bool = False) -> Person:
    """The `index`-th person of a batch; different indexes are different people.

    `group`: minor, adult or senior (65 and older) on the day `on`. `look_alike`: the given names contain a character
    that has a look-alike.
    """
    city = rng.choices(list(CITY_WEIGHTS), weights=list(CITY_WEIGHTS.values()))[0]
    home = rng.choice(COUNTIES[city])
    born = _birthday(rng, index // _SEQUENCES, on, group)
    sex = rng.choice("MF")
    # 137 and 500 share no factor, so consecutive people take numbers far apart and each number once.
    sequence = index * 137 % _SEQUENCES * 2 + (sex == "M")
    surname = rng.choices(_SURNAME_LIST, weights=_SURNAME_WEIGHTS)[0]
    given = _look_alike_name(rng) if look_alike else rng.choice(_given_names(sex, age(born, on)))
    latin = romanise(surname, given)
    number = resident_id.compose(home.region, born, sequence)
    return Person(surname, given, *latin, sex, born, number, home, make_phone(rng))


def make_guardian(rng: random.Random, child: Person, on: date) -> tuple[str, str, str]:
    """Name, relation (father or mother) and resident number of a child's parent."""
    sex = rng.choice("MF")
    born = child.born - timedelta(days=rng.randrange(22 * 365, 38 * 365))
    surname = child.surname if sex == "M" else rng.choices(_SURNAME_LIST, weights=_SURNAME_WEIGHTS)[0]
    sequence = rng.randrange(_SEQUENCES) * 2 + (sex == "M")
    name = surname + rng.choice(_given_names(sex, age(born, on)))
    return name, "father" if sex == "M" else "mother", resident_id.compose(child.home.region, born, sequence)


def make_phone(rng: random.Random) -> str:
    """A mobile number of the usual form."""
    return f"1{rng.choice('35789')}{rng.randrange(10**9):09d}"


def home_office(person: Person) -> str:
    """The accepting office of a person's city. Every generated home lies in one of them."""
    return OFFICES[person.home.city].code


def _birthday(rng: random.Random, block: int, on: date, group: str) -> date:
    youngest, oldest = {
        "minor": (0, ADULT_YEARS),
        "adult": (ADULT_YEARS, FREE_POST_AGE),
        "senior": (FREE_POST_AGE, 90),
    }[group]
    first = anniversary(on, -oldest).toordinal() + 1
    last = anniversary(on, -youngest).toordinal()
    spans = (last - first) // _DAYS_APART
    offset = (block - first) % _DAYS_APART
    return date.fromordinal(first + offset + _DAYS_APART * rng.randrange(spans))


def _given_names(sex: str, years: int) -> list[str]:
    return _NAMES[sex, years >= _OLD]


def _look_alike_name(rng: random.Random) -> str:
    return rng.choice(list(LOOK_ALIKES)) + rng.choice(["", "东", "文", "华", "宇"])


_SURNAME_LIST = [entry.rstrip("0123456789") for entry in _SURNAMES.split()]
_SURNAME_WEIGHTS = [int(entry.lstrip(name)) for entry, name in zip(_SURNAMES.split(), _SURNAME_LIST, strict=True)]
_NAMES = {
    ("M", True): _MALE_OLD.split(),
    ("M", False): _MALE_YOUNG.split(),
    ("F", True): _FEMALE_OLD.split(),
    ("F", False): _FEMALE_YOUNG.split(),
}
