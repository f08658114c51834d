"""The visible rows of the trace against a plain walk of the tree, whatever is added, folded and unfolded."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_tui.session.nodes import Node
from rlm_tui.tui.widgets.trace_tree import MANY_CHILDREN, FilteredRows, TraceTree


def new_node(key: str, kind: str, parent: Node | None) -> Node:
    made = Node(key, kind, key, "", parent, 0 if parent is None else parent.depth + 1, 0.0)  # type: ignore[arg-type]  # kinds come from a strategy
    if parent is not None:
        parent.children.append(made)
    return made


def plain_rows(tree: TraceTree, nodes: list[Node]) -> list[Node]:
    found = []
    for node in nodes:
        found.append(node)
        if tree.is_open(node):
            found.extend(plain_rows(tree, node.children))
    return found


actions = st.lists(
    st.tuples(
        st.sampled_from(["root", "add", "add", "add", "many", "open", "close", "reveal"]),
        st.integers(0, 10_000),
        st.sampled_from(["call", "tool"]),
        st.booleans(),
    ),
    max_size=60,
)


@settings(max_examples=100, deadline=None)
@given(actions)
def test_rows_are_those_of_a_plain_walk(steps: list[tuple[str, int, str, bool]]) -> None:
    roots: list[Node] = []
    every: list[Node] = []
    tree = TraceTree(roots)
    pending: dict[Node, None] = {}
    for what, number, kind, at_once in steps:
        chosen = every[number % len(every)] if every else None
        if what == "root" or chosen is None:
            every.append(new_node(f"n{len(every)}", "turn", None))
            roots.append(every[-1])
        elif what in ("add", "many"):
            for _ in range(1 if what == "add" else MANY_CHILDREN):
                every.append(new_node(f"n{len(every)}", kind, chosen))
                pending[chosen] = None
        else:
            tree.sync(list(pending))
            pending.clear()
            if what == "reveal":
                assert tree.rows[tree.reveal(chosen)] is chosen
            else:
                tree.set_open(chosen, what == "open")
        if at_once:
            tree.sync(list(pending))
            pending.clear()
    tree.sync(list(pending))
    expected = plain_rows(tree, roots)
    assert [node.key for node in tree.rows] == [node.key for node in expected]
    assert [tree.rows.index(node) for node in expected] == list(range(len(expected)))


def test_a_map_folds_itself_when_it_grows_and_stays_as_the_person_left_it() -> None:
    turn = new_node("turn:1", "turn", None)
    mapping = new_node("tool:1", "tool", turn)
    tree = TraceTree([turn])
    for number in range(MANY_CHILDREN):
        new_node(f"call:{number}", "call", mapping)
    tree.sync([turn, mapping])
    assert len(tree.rows) == 2 + MANY_CHILDREN
    new_node("call:last", "call", mapping)
    tree.sync([mapping])
    assert list(tree.rows) == [turn, mapping]
    tree.set_open(mapping, True)
    new_node("call:more", "call", mapping)
    tree.sync([mapping])
    assert len(tree.rows) == 2 + MANY_CHILDREN + 2


def test_a_filter_keeps_ancestors_and_works_in_slices() -> None:
    turn = new_node("turn:1", "turn", None)
    first, second = new_node("tool:1", "tool", turn), new_node("tool:2", "tool", turn)
    deep = new_node("call:9", "call", second)
    filtered = FilteredRows([turn], lambda node: node.key == "call:9")
    filtered.work(2)
    assert (filtered.finished, len(filtered.rows)) == (False, 0)
    filtered.work(10)
    assert filtered.finished
    assert list(filtered.rows) == [turn, second, deep]
    assert first not in filtered.rows
