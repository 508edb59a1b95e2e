import { describeTroubles } from "./cases.ts";
import { conflict, limitExceeded, stale } from "./faults.ts";

describeTroubles("another one came before", "once", [conflict, stale, limitExceeded]);
