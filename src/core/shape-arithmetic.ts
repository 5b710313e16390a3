/**
 * Arithmetic on literal sizes, in the type checker. Types only: nothing here exists at run time.
 *
 * Numbers are added, multiplied and divided as one does on paper, digit by digit, so 3136 costs as little as 7 and
 * nothing recurses deeper than there are digits. What is not a literal whole number gives `number`.
 */

type Digit = "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9";

/** `Sums[a][b]` is `a + b`, one digit or two. */
interface Sums {
  "0": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
  "1": ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
  "2": ["2", "3", "4", "5", "6", "7", "8", "9", "10", "11"];
  "3": ["3", "4", "5", "6", "7", "8", "9", "10", "11", "12"];
  "4": ["4", "5", "6", "7", "8", "9", "10", "11", "12", "13"];
  "5": ["5", "6", "7", "8", "9", "10", "11", "12", "13", "14"];
  "6": ["6", "7", "8", "9", "10", "11", "12", "13", "14", "15"];
  "7": ["7", "8", "9", "10", "11", "12", "13", "14", "15", "16"];
  "8": ["8", "9", "10", "11", "12", "13", "14", "15", "16", "17"];
  "9": ["9", "10", "11", "12", "13", "14", "15", "16", "17", "18"];
}
/** `Differences[a][b]` is `a - b`, with a minus sign in front if ten had to be borrowed. */
interface Differences {
  "0": ["0", "-9", "-8", "-7", "-6", "-5", "-4", "-3", "-2", "-1"];
  "1": ["1", "0", "-9", "-8", "-7", "-6", "-5", "-4", "-3", "-2"];
  "2": ["2", "1", "0", "-9", "-8", "-7", "-6", "-5", "-4", "-3"];
  "3": ["3", "2", "1", "0", "-9", "-8", "-7", "-6", "-5", "-4"];
  "4": ["4", "3", "2", "1", "0", "-9", "-8", "-7", "-6", "-5"];
  "5": ["5", "4", "3", "2", "1", "0", "-9", "-8", "-7", "-6"];
  "6": ["6", "5", "4", "3", "2", "1", "0", "-9", "-8", "-7"];
  "7": ["7", "6", "5", "4", "3", "2", "1", "0", "-9", "-8"];
  "8": ["8", "7", "6", "5", "4", "3", "2", "1", "0", "-9"];
  "9": ["9", "8", "7", "6", "5", "4", "3", "2", "1", "0"];
}
/** `Products[a][b]` is `a · b` in two digits. */
interface Products {
  "0": ["00", "00", "00", "00", "00", "00", "00", "00", "00", "00"];
  "1": ["00", "01", "02", "03", "04", "05", "06", "07", "08", "09"];
  "2": ["00", "02", "04", "06", "08", "10", "12", "14", "16", "18"];
  "3": ["00", "03", "06", "09", "12", "15", "18", "21", "24", "27"];
  "4": ["00", "04", "08", "12", "16", "20", "24", "28", "32", "36"];
  "5": ["00", "05", "10", "15", "20", "25", "30", "35", "40", "45"];
  "6": ["00", "06", "12", "18", "24", "30", "36", "42", "48", "54"];
  "7": ["00", "07", "14", "21", "28", "35", "42", "49", "56", "63"];
  "8": ["00", "08", "16", "24", "32", "40", "48", "56", "64", "72"];
  "9": ["00", "09", "18", "27", "36", "45", "54", "63", "72", "81"];
}
/** One more, for sums with a carry. */
interface Next {
  "0": "1";
  "1": "2";
  "2": "3";
  "3": "4";
  "4": "5";
  "5": "6";
  "6": "7";
  "7": "8";
  "8": "9";
  "9": "10";
  "10": "11";
  "11": "12";
  "12": "13";
  "13": "14";
  "14": "15";
  "15": "16";
  "16": "17";
  "17": "18";
  "18": "19";
}
/** One less, for differences with a borrow. */
interface Previous {
  "0": "-9";
  "1": "0";
  "2": "1";
  "3": "2";
  "4": "3";
  "5": "4";
  "6": "5";
  "7": "6";
  "8": "7";
  "9": "8";
  "-1": "-0";
  "-2": "-1";
  "-3": "-2";
  "-4": "-3";
  "-5": "-4";
  "-6": "-5";
  "-7": "-6";
  "-8": "-7";
  "-9": "-8";
}

// ── digits ───────────────────────────────────────────────────────────────────────────────────────────────────────
// A number is its text, most significant digit first; its columns are the same digits the other way round. Parameters
// that are given recursive types have no constraint: TypeScript would try out all digits to see that it is met.

/** The text of a literal whole number from 0 on; `never` for anything else. */
type TextOf<N> = N extends number
  ? number extends N
    ? never
    : `${N}` extends `${string}${"." | "-" | "e"}${string}`
      ? never
      : `${N}`
  : never;
type NumberOf<Text> = Text extends `${infer N extends number}` ? N : number;
type Columns<Text, Out extends string = ""> = Text extends `${infer First}${infer Rest}`
  ? Columns<Rest, `${First}${Out}`>
  : Out;
type FirstOf<C> = C extends `${infer First extends Digit}${infer _}` ? First : "0";
type RestOf<C> = C extends `${infer _}${infer Rest}` ? Rest : "";
/** Without zeros in front. */
type Trim<Text> = Text extends `0${infer Rest}` ? (Rest extends "" ? "0" : Trim<Rest>) : Text;

type AddDigits<A extends Digit, B extends Digit, Carry> = Carry extends true ? Next[Sums[A][B]] : Sums[A][B];
type AddColumns<A, B, Carry = false, Out extends string = ""> = [A, B] extends ["", ""]
  ? Carry extends true
    ? `1${Out}`
    : Out
  : AddDigits<FirstOf<A>, FirstOf<B>, Carry> extends infer Column extends string
    ? Column extends `1${infer Ones extends Digit}`
      ? AddColumns<RestOf<A>, RestOf<B>, true, `${Ones}${Out}`>
      : AddColumns<RestOf<A>, RestOf<B>, false, `${Column}${Out}`>
    : never;
type AddText<A, B> = AddColumns<Columns<A>, Columns<B>>;

type SubtractDigits<A extends Digit, B extends Digit, Borrow> = Borrow extends true
  ? Previous[Differences[A][B]]
  : Differences[A][B];
/** `never` if `B` is the larger one. */
type SubtractColumns<A, B, Borrow = false, Out extends string = ""> = [A, B] extends ["", ""]
  ? Borrow extends true
    ? never
    : Trim<Out>
  : SubtractDigits<FirstOf<A>, FirstOf<B>, Borrow> extends infer Column extends string
    ? Column extends `-${infer Ones}`
      ? SubtractColumns<RestOf<A>, RestOf<B>, true, `${Ones}${Out}`>
      : SubtractColumns<RestOf<A>, RestOf<B>, false, `${Column}${Out}`>
    : never;
type SubtractText<A, B> = SubtractColumns<Columns<A>, Columns<B>>;

/** Times one digit. The carry is a digit too: 9 · 9 + 8 has two digits. */
type TimesDigit<A, D extends Digit, Carry extends Digit = "0", Out extends string = ""> = A extends ""
  ? Trim<`${Carry}${Out}`>
  : Products[FirstOf<A>][D] extends `${infer Tens extends Digit}${infer Ones extends Digit}`
    ? Sums[Ones][Carry] extends infer Column extends string
      ? Column extends `1${infer Rest extends Digit}`
        ? Next[Tens] extends infer More extends Digit
          ? TimesDigit<RestOf<A>, D, More, `${Rest}${Out}`>
          : never
        : TimesDigit<RestOf<A>, D, Tens, `${Column}${Out}`>
      : never
    : never;
type MultiplyText<AColumns, B, Out extends string = "0"> = B extends `${infer D extends Digit}${infer Rest}`
  ? AddText<Trim<`${Out}0`>, TimesDigit<AColumns, D>> extends infer Sum extends string
    ? MultiplyText<AColumns, Rest, Sum>
    : never
  : Out;

/** How often `B` goes into `A`, and what is left. `A` is less than ten times `B`. */
type Share<A, B, Times extends Digit = "0"> =
  SubtractText<A, B> extends infer Left
    ? [Left] extends [never]
      ? [Times, A]
      : Next[Times] extends infer More extends Digit
        ? Share<Left, B, More>
        : never
    : never;
/** `[quotient, rest]`. */
type DivideText<A, B, Rest extends string = "0", Out extends string = ""> = B extends "0"
  ? null
  : A extends `${infer D}${infer More}`
    ? Share<Trim<`${Rest}${D}`>, B> extends [infer Q extends string, infer R extends string]
      ? DivideText<More, B, R, `${Out}${Q}`>
      : never
    : [Trim<Out>, Rest];

// ── sizes ────────────────────────────────────────────────────────────────────────────────────────────────────────

type IsUnknown<N> = [TextOf<N>] extends [never] ? true : false;
export type IsWhole<N> = [TextOf<N>] extends [never] ? false : true;
/** `A + B`; adding 0 keeps a name. */
export type Add<A, B> = B extends 0
  ? A
  : A extends 0
    ? B
    : true extends IsUnknown<A> | IsUnknown<B>
      ? number
      : NumberOf<AddText<TextOf<A>, TextOf<B>>>;
/** `A - B`; `never` if that is negative. */
export type Subtract<A, B> = B extends 0
  ? A
  : true extends IsUnknown<A> | IsUnknown<B>
    ? number
    : [SubtractText<TextOf<A>, TextOf<B>>] extends [never]
      ? never
      : NumberOf<SubtractText<TextOf<A>, TextOf<B>>>;
/** `A · B`; times 1 keeps a name. */
export type Multiply<A, B> = B extends 1
  ? A
  : A extends 1
    ? B
    : true extends IsUnknown<A> | IsUnknown<B>
      ? number
      : NumberOf<MultiplyText<Columns<TextOf<A>>, TextOf<B>>>;
/** `[⌊A / B⌋, A mod B]` as text, null where that is not known. */
type Divided<A, B> = true extends IsUnknown<A> | IsUnknown<B> ? null : DivideText<TextOf<A>, TextOf<B>>;

/** `⌊A / B⌋`; by 1 keeps a name. */
export type FloorDivide<A, B> = B extends 1
  ? A
  : Divided<A, B> extends readonly [infer Quotient, unknown]
    ? NumberOf<Quotient>
    : number;
/** `⌈A / B⌉`; by 1 keeps a name. */
export type CeilDivide<A, B> = B extends 1
  ? A
  : Divided<A, B> extends readonly [infer Quotient, infer Rest]
    ? NumberOf<Rest extends "0" ? Quotient : AddText<Quotient, "1">>
    : number;
/** `A / B`; `never` if there is a rest. */
export type DivideExactly<A, B> = B extends 1
  ? A
  : Divided<A, B> extends readonly [infer Quotient, infer Rest]
    ? Rest extends "0"
      ? NumberOf<Quotient>
      : never
    : number;
