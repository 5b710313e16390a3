import { condOp, switchCaseOp } from "./branch.ts";
import { scanOp } from "./scan.ts";
import { whileLoopOp } from "./while.ts";

export const CONTROL_OPS = [condOp, switchCaseOp, scanOp, whileLoopOp];
