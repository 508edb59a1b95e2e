import { describeTroubles } from "./cases.ts";
import { accessDenied, droppedAfterTheWork, throttling } from "./faults.ts";

describeTroubles("a call of AWS goes wrong for good", "for good", [throttling, droppedAfterTheWork, accessDenied]);
