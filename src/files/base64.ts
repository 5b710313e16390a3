/** Base64 as RFC 4648 writes it, with padding. Strict: one text for each value, so that equal files are equal arrays. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Int16Array(128).fill(-1);
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

export function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  let part = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const triple = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    part += ALPHABET[triple >> 18]! + ALPHABET[(triple >> 12) & 63]!;
    part += (left > 1 ? ALPHABET[(triple >> 6) & 63]! : "=") + (left > 2 ? ALPHABET[triple & 63]! : "=");
    // Long texts grow piecewise: engines keep a string that was added to a million times as a tree.
    if (part.length >= 8192) {
      parts.push(part);
      part = "";
    }
  }
  return parts.join("") + part;
}

/** Number of bytes a text of Base64 stands for, before anything is allocated; null if its length can not be right. */
export function base64Length(text: string): number | null {
  if (text.length % 4 !== 0) return null;
  return (text.length / 4) * 3 - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0);
}

/** The bytes, or null if the text is not Base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const length = base64Length(text);
  if (length === null) return null;
  const bytes = new Uint8Array(length);
  const digits = Math.ceil((length * 8) / 6);
  let pending = 0;
  let bits = 0;
  let to = 0;
  for (let i = 0; i < digits; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? -1;
    if (value < 0) return null;
    pending = ((pending << 6) | value) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[to++] = (pending >> bits) & 0xff;
  }
  // Bits beyond the last byte say nothing; another value of them would be a second spelling.
  return (pending & ((1 << bits) - 1)) === 0 ? bytes : null;
}
