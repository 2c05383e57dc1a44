"""The market view's pure modules, called in the browser: candles and columns as they are kept, and round numbers."""

from __future__ import annotations

from tests.page.visiting import call

MESSAGE = """const message = (candles, more = {}) => ({type: 'candles', interval_s: 10, candles, holes: [],
    history: 'ready', problem: '', restart: false, ...more});"""


async def test_intervals_without_executions_keep_their_place(blank):
    script = f"""(() => {{ {MESSAGE}
        const store = new m.CandleStore();
        store.take(message([[40, 5, 6, 4, 5, 1], [10, 5, 6, 4, 5, 1]], {{restart: true}}));
        return store.intervals(-Infinity).map(({{time, candle}}) => [time, candle?.[1] ?? null]);
    }})()"""
    assert await call(blank, "candlestore", script) == [[10, 5], [20, None], [30, None], [40, 5]]


async def test_what_changed_is_told_once_and_a_restart_is_everything(blank):
    script = f"""(() => {{ {MESSAGE}
        const store = new m.CandleStore();
        const row = (time) => [time, 5, 6, 4, 5, 1];
        const told = [];
        for (const given of [
            message([row(10), row(20)], {{restart: true}}), message([row(20), row(30)]), message([]),
            message([row(10)]), message([row(50)], {{restart: true}}),
        ]) {{
            store.take(given);
            told.push(String(store.takeChanges()));
        }}
        return [told, [...store.candles.keys()], store.oldest, store.newest];
    }})()"""
    told, times, oldest, newest = await call(blank, "candlestore", script)
    assert told == ["-Infinity", "20", "Infinity", "10", "-Infinity"]
    assert (times, oldest, newest) == ([50], 50, 50)


async def test_candles_are_bounded(blank):
    script = f"""(() => {{ {MESSAGE}
        const store = new m.CandleStore();
        for (let n = 0; n < 5000; n += 1) store.take(message([[n * 10, 5, 6, 4, 5, 1]]));
        const rows = store.intervals(-Infinity);
        return [store.candles.size <= 1200, rows.length, rows[0].time, rows.at(-1).time];
    }})()"""
    assert await call(blank, "candlestore", script) == [True, 1000, 40_000, 49_990]


async def test_an_interval_long_after_the_others_does_not_make_millions_of_rows(blank):
    script = f"""(() => {{ {MESSAGE}
        const store = new m.CandleStore();
        store.take(message([[0, 5, 6, 4, 5, 1], [1e9, 5, 6, 4, 5, 1]], {{restart: true}}));
        return store.intervals(-Infinity).length;
    }})()"""
    assert await call(blank, "candlestore", script) == 1000


async def test_the_chart_in_numbers(blank):
    script = f"""(() => {{ {MESSAGE}
        const store = new m.CandleStore();
        const before = store.summary();
        store.take(message([[10, 5, 9, 4, 6, 1], [20, 6, 7, 2, 3, 2]]));
        return [before, store.summary()];
    }})()"""
    assert await call(blank, "candlestore", script) == [
        None,
        {"last": 3, "high": 9, "low": 2, "volume": 3, "count": 2},
    ]


async def test_columns_are_bounded_and_unknown_ones_leave_the_prices_alone(blank):
    script = """(() => {
        const store = new m.HeatStore();
        const empty = store.range(0);
        for (let n = 0; n < 2000; n += 1) {
            const unknown = n % 2 === 1;
            const column = [n * 500, unknown ? 0 : 1000, unknown ? 0 : 1010, 90, unknown ? [] : Array(20).fill(1), []];
            store.take({type: 'heatmap', step: 10, columns: [column], restart: false});
        }
        return [empty, store.columns.length, store.newestMs(), store.range(0), store.full];
    })()"""
    empty, count, newest, shown, full = await call(blank, "heatstore", script)
    assert (empty, count, newest, full) == (None, 600, 999_500, 1)
    assert shown["first"] < 100 < 101 < shown["last"]
    assert shown["first"] % 10 == shown["last"] % 10 == 0


async def test_the_strongest_colour_stays_while_it_is_about_right(blank):
    script = """[[10, 0], [10, 8], [10, 40], [10, 1]].map(([size, before]) =>
        m.fullSize([[0, 1, 2, 0, Array(50).fill(size), []]], before))"""
    assert await call(blank, "heatstore", script) == [10, 8, 10, 10]


async def test_axes_have_round_numbers(blank):
    script = """[
        m.ticks(0, 10, 5), m.ticks(13_571_000, 13_594_000, 4), m.ticks(0.0331, 0.0349, 4), m.ticks(5, 5, 4),
        m.roundUp(0.3), m.roundUp(7), m.roundUp(20), m.roundUp(2.0001),
    ]"""
    assert await call(blank, "ticks", script) == [
        [0, 2, 4, 6, 8, 10], [13_580_000, 13_590_000], [0.0335, 0.034, 0.0345], [],
        0.5, 10, 20, 5,
    ]  # fmt: skip
