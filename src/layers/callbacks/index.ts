/** Callbacks of training. Re-exports only. */
export { Callback, type CallbackMethods, type RunParameters } from "./callback.ts";
export { EarlyStopping, type EarlyStoppingOptions } from "./early-stopping.ts";
export { History } from "./history.ts";
export { LearningRateScheduler, ReduceLROnPlateau, type ReduceLROnPlateauOptions } from "./learning-rate.ts";
export {
  type CheckpointInfo,
  type CheckpointSink,
  ModelCheckpoint,
  type ModelCheckpointOptions,
} from "./model-checkpoint.ts";
export type { MonitorOptions } from "./monitor.ts";
export { Progress, type Terminal } from "./progress.ts";
export { CSVLogger, type CSVLoggerOptions, LambdaCallback, TerminateOnNaN } from "./small.ts";
export { TensorBoard, type TensorBoardOptions, type TensorBoardRun } from "./tensorboard.ts";
export { type Fetch, Slack, Webhook, type WebhookEvent, type WebhookOptions } from "./webhook.ts";
