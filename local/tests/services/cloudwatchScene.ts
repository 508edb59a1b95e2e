import { CloudWatch as Client } from "@aws-sdk/client-cloudwatch";
import { AwsEndpoint } from "../../aws/awsEndpoint.ts";
import { type Listening, listen } from "../../aws/httpServer.ts";
import { type AlarmChange, CloudWatch } from "../../services/cloudwatch/cloudwatch.ts";
import { cloudwatchOperations } from "../../services/cloudwatch/operations.ts";
import { ManualClock } from "../manualClock.ts";

/** What `metric` is of. */
export const dimensions = { FunctionName: "fn", Resource: "fn:live" };
/** The metric that `errors` puts data of. */
export const metric = {
  Namespace: "AWS/Lambda",
  MetricName: "Errors",
  Dimensions: [
    { Name: "Resource", Value: "fn:live" },
    { Name: "FunctionName", Value: "fn" },
  ],
};

/** CloudWatch on a clock of the test's, with an AWS client of it, made anew for each test of the enclosing `describe`. */
export class CloudWatchScene {
  clock!: ManualClock;
  cloudwatch!: CloudWatch;
  client!: Client;
  /** The alarms as they changed. */
  changes: AlarmChange[] = [];

  constructor() {
    let server: Listening;
    beforeEach(async () => {
      this.clock = new ManualClock();
      this.cloudwatch = new CloudWatch(this.clock);
      const endpoint = new AwsEndpoint([cloudwatchOperations(this.cloudwatch)]);
      server = await listen((request, response) => endpoint.handle(request, response));
      const credentials = { accessKeyId: "test", secretAccessKey: "test" };
      this.client = new Client({ endpoint: server.url, region: "us-east-1", credentials, maxAttempts: 1 });
      this.changes = [];
      this.cloudwatch.on("alarm", (change) => this.changes.push(change));
    });
    afterEach(async () => {
      this.client.destroy();
      await server.close();
    });
  }

  /** Puts data of `metric`, now. */
  errors(...values: number[]): void {
    for (const value of values) {
      this.cloudwatch.putMetric("AWS/Lambda", "Errors", dimensions, value);
    }
  }
}
