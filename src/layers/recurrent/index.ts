/** Layers over time, and their cells. Re-exports only. */
export type { CellOptions } from "./cell.ts";
export {
  GRUCell,
  type GRUCellOptions,
  LSTMCell,
  type LSTMCellOptions,
  SimpleRNNCell,
  type SimpleRNNCellOptions,
} from "./cells.ts";
export { GRU, type GRUOptions, LSTM, type LSTMOptions, SimpleRNN, type SimpleRNNOptions } from "./layers.ts";
export type { RecurrentCell } from "./loop.ts";
export { RNN, type RNNCallOptions, type RNNOptions, type RNNOutput } from "./rnn.ts";
