/** CRC-32C (Castagnoli): the polynomial 0x1edc6f41, its bits in reverse order. */
const POLYNOMIAL = 0x82f63b78;

/** The remainder of each byte. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0);
  return remainder;
});

/** The CRC-32C of RFC 3720: 0xe3069283 for "123456789". */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ REMAINDERS[(crc ^ byte) & 0xff]!;
  return ~crc >>> 0;
}

/**
 * The checksum that record files hold. The CRC of bytes that contain their own CRC tells little, so it is masked:
 * turned right by 15 bits, and added to a constant.
 */
export function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
