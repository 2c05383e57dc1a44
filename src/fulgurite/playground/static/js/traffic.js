// The channels of the connection, each with its state and rate.
import { RateMeter } from "./ratemeter.js";
import { emptyWithValues } from "./source.js";
import * as state from "./state.js";

const meter = new RateMeter();
emptyWithValues(() => meter.clear());

/** @type {import("./messages.js").Handlers} */
export const handlers = {
  // Without a connection nothing comes, and nothing says so again and again.
  connection() {
    if (state.isConnected.value) return;
    meter.clear();
    state.rates.value = new Map();
    state.traffic.value = { frames: 0, bytes: 0 };
  },
  channels(message) {
    for (const { channel, state: name } of message.channels) {
      if (state.channelSince.get(channel)?.state !== name) {
        state.channelSince.set(channel, { state: name, sinceMs: message.now_ms });
      }
    }
    state.channels.value = new Map(message.channels.map((entry) => [entry.channel, entry]));
    if (state.isConnected.value) meter.add(message);
    state.rates.value = meter.channelRates();
    state.traffic.value = meter.traffic();
  },
};
