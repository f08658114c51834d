"""The blocked list against a plain one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_tui.tui.widgets.visible_list import VisibleList

steps = st.lists(
    st.tuples(st.sampled_from(["insert", "remove", "append"]), st.floats(0, 1), st.integers(1, 1500)), max_size=25
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_behaves_as_a_plain_list(actions: list[tuple[str, float, int]]) -> None:
    model: list[int] = []
    blocked: VisibleList[int] = VisibleList()
    fresh = 0
    for what, where, count in actions:
        place = int(where * len(model))
        if what == "insert":
            items = list(range(fresh, fresh + count))
            fresh += count
            model[place:place] = items
            blocked.insert_all(place, items)
        elif what == "append":
            model.append(fresh)
            blocked.append(fresh)
            fresh += 1
        else:
            del model[place : place + count]
            blocked.remove_range(place, place + count)
        assert len(blocked) == len(model)
        if model:
            probe = int(where * (len(model) - 1))
            assert blocked[probe] == model[probe]
            assert blocked.index(model[probe]) == probe
    assert list(blocked) == model
    assert [blocked.index(item) for item in model[::97]] == list(range(0, len(model), 97))


def test_says_what_is_not_there() -> None:
    blocked = VisibleList("abc")
    assert "b" in blocked
    assert "z" not in blocked
    with pytest.raises(IndexError):
        blocked[3]
    with pytest.raises(KeyError):
        blocked.index("z")
