import { warn } from "../../core/warnings.ts";
import type { Logs } from "../training/trainer.ts";
import { Callback } from "./callback.ts";

/** What posts: `fetch` of any host, or something for tests. */
export type Fetch = (
  url: string,
  request: { readonly method: "POST"; readonly headers: Readonly<Record<string, string>>; readonly body: string },
) => Promise<{ readonly ok: boolean; readonly status: number }>;

export interface WebhookOptions {
  /** Default: `fetch` of the host. */
  readonly fetch?: Fetch | undefined;
  /** Tells after every so many epochs. Default 1; 0 tells of the end alone. */
  readonly every?: number | undefined;
  /** What to say. Default: the numbers of the epoch. */
  readonly text?: ((event: WebhookEvent) => string) | undefined;
  /** The body of the request. Default `{ text }`, as Slack takes it. */
  readonly body?: ((text: string, event: WebhookEvent) => unknown) | undefined;
  /** Headers besides the content type. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}
export interface WebhookEvent {
  readonly kind: "epoch" | "end";
  /** Epochs done. */
  readonly epochs: number;
  readonly logs: Logs;
}

/**
 * Tells a web address how training goes. It never holds up or ends training: what can not be told is warned of, once,
 * without the address, which may hold a secret.
 */
export class Webhook extends Callback {
  /** As warnings call it. */
  protected readonly title: string = "Webhook";
  readonly #url: string;
  readonly #options: WebhookOptions;
  #warned = false;
  #epochs = 0;
  readonly #pending = new Set<Promise<void>>();

  constructor(url: string, options: WebhookOptions = {}) {
    super();
    this.#url = url;
    this.#options = options;
  }

  override onTrainBegin(): void {
    this.#epochs = 0;
  }
  override onEpochEnd(epoch: number, logs: Logs): void {
    this.#epochs = epoch + 1;
    const every = this.#options.every ?? 1;
    if (every > 0 && this.#epochs % every === 0) this.#tell({ kind: "epoch", epochs: this.#epochs, logs: { ...logs } });
  }
  /** What is under way may arrive before `fit` is done. */
  override async onTrainEnd(logs: Logs = {}): Promise<void> {
    this.#tell({ kind: "end", epochs: this.#epochs, logs: { ...logs } });
    await Promise.all(this.#pending);
  }

  #tell(event: WebhookEvent): void {
    const told = this.#post(event).catch((error: unknown) => this.#failed(reasonOf(error)));
    this.#pending.add(told);
    void told.then(() => this.#pending.delete(told));
  }

  async #post(event: WebhookEvent): Promise<void> {
    const { fetch = hostFetch(), text = textOf, body = (line) => ({ text: line }), headers = {} } = this.#options;
    const content = JSON.stringify(body(text(event), event));
    const answer = await fetch(this.#url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: content,
    });
    if (!answer.ok) this.#failed(`it answered ${answer.status}`);
  }

  #failed(reason: string): void {
    if (this.#warned) return;
    this.#warned = true;
    warn({
      what: `${this.title}: a message was not delivered, ${reason.replaceAll(this.#url, "(the address)")}`,
      fix: "training goes on; see whether the address is right and can be reached",
    });
  }
}

/** Posts to a channel of Slack, through an "incoming webhook" of that workspace. */
export class Slack extends Webhook {
  protected override readonly title = "Slack";
}

const textOf = ({ kind, epochs, logs }: WebhookEvent): string => {
  const numbers = Object.entries(logs).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
  return `${kind === "end" ? `training is done after ${epochs} epochs` : `epoch ${epochs}`}: ${numbers.join(", ")}`;
};

/** Messages of network errors may hold the address. */
const reasonOf = (error: unknown): string => (error instanceof Error ? error.name : "it failed");

function hostFetch(): Fetch {
  const { fetch } = globalThis as { readonly fetch?: Fetch };
  if (fetch) return fetch;
  return () => Promise.reject(new Error("no fetch"));
}
