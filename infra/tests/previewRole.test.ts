import { expect } from "chai";
import { decide } from "./iam.ts";
import { failureOf, only, type Registration, valueFrom } from "./mocks.ts";
import { statementsIn } from "./policies.ts";
import { loadProgram } from "./sampleProgram.ts";
import { keyArn, withSettings } from "./stacks.ts";

const provider = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";

const programWith = (config: Record<string, string>) => loadProgram(withSettings(config));

/** What there is of the role, by key. */
async function previewOf(config: Record<string, string>): Promise<Record<string, Registration>> {
  const { registrations } = await programWith(config);
  const own = registrations.filter(
    ({ key, parent }) => key === "PreviewRole preview" || parent === "PreviewRole preview",
  );
  return Object.fromEntries(own.map((registration) => [registration.key, registration]));
}

describe("the role of a preview", () => {
  it("is not there unless the settings ask for it", async () => {
    const { registrations, result } = await programWith({});
    expect(registrations.filter(({ key }) => key.includes("preview"))).to.deep.equal([]);
    expect(result.previewRoleArn).to.equal(undefined);
  });

  it("is trusted to this repository's pull requests alone, by the account's OIDC provider, and may nothing by default", async () => {
    const made = await previewOf({ previewRole: provider });
    expect(Object.keys(made)).to.have.members(["PreviewRole preview", "iam.Role preview-role"]);
    expect(made["iam.Role preview-role"]?.inputs).to.deep.equal({
      description: "pulumi preview of push-to-live-dev in pull requests",
      assumeRolePolicy: {
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: { Federated: provider },
            Action: "sts:AssumeRoleWithWebIdentity",
            Condition: {
              StringEquals: {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": "repo:owner/name:pull_request",
              },
            },
          },
        ],
      },
    });
  });

  it("makes the account's OIDC provider when it is told to, and trusts that", async () => {
    const made = await previewOf({ previewRole: "create" });
    expect(made["iam.OpenIdConnectProvider preview-oidc"]?.inputs).to.deep.equal({
      url: "https://token.actions.githubusercontent.com",
      clientIdLists: ["sts.amazonaws.com"],
    });
    expect(made["iam.Role preview-role"]?.inputs).to.have.nested.property(
      "assumeRolePolicy.Statement[0].Principal.Federated",
      provider,
    );
  });

  it("trusts a subject with GitHub's ids of the owner and the repository", async () => {
    const made = await previewOf({ previewRole: provider, previewSubject: "repo:owner@1/name@23" });
    expect(JSON.stringify(made["iam.Role preview-role"]?.inputs)).to.contain('"repo:owner@1/name@23:pull_request"');
  });

  it("exports its ARN", async () => {
    const { result } = await programWith({ previewRole: provider });
    expect(await valueFrom(result.previewRoleArn)).to.equal("arn:aws:iam::123456789012:role/preview-role-0a1b2c3");
  });

  it("reads this stack's state and decrypts its secrets where the settings name them, and nothing else", async () => {
    const made = await previewOf({
      previewRole: provider,
      previewStateBucket: "team-state/services",
      previewKmsKeyArn: keyArn,
    });
    const s3 = "arn:aws:s3:::team-state";
    const state = `${s3}/services/.pulumi/stacks/push-to-live/dev.json`;
    expect(made["iam.RolePolicy preview-policy"]?.inputs).to.deep.equal({
      role: "preview-role-0a1b2c3",
      policy: {
        Version: "2012-10-17",
        Statement: [
          { Sid: "FindState", Effect: "Allow", Action: ["s3:ListBucket"], Resource: s3 },
          {
            Sid: "ReadState",
            Effect: "Allow",
            Action: ["s3:GetObject"],
            Resource: [`${s3}/services/.pulumi/meta.yaml`, state, `${state}.gz`, `${state}.zst`],
          },
          { Sid: "DecryptSecrets", Effect: "Allow", Action: ["kms:Decrypt"], Resource: keyArn },
        ],
      },
    });
  });

  it("can neither write the state, nor lock it, nor read another stack's, nor release", async () => {
    const { registrations } = await programWith({ previewRole: provider, previewStateBucket: "team-state" });
    const statements = statementsIn(only(registrations, "iam.RolePolicy preview-policy").inputs.policy);
    const s3 = "arn:aws:s3:::team-state/.pulumi";
    expect(decide(statements, "s3:GetObject", `${s3}/stacks/push-to-live/dev.json`)).to.equal("allowed");
    for (const [action, resource] of [
      ["s3:PutObject", `${s3}/stacks/push-to-live/dev.json`],
      ["s3:PutObject", `${s3}/locks/organization/push-to-live/dev/x.json`],
      ["s3:DeleteObject", `${s3}/stacks/push-to-live/dev.json`],
      ["s3:GetObject", `${s3}/stacks/push-to-live/prod.json`],
      ["s3:GetObject", `${s3}/stacks/push-to-live/dev.jsonx`],
      ["kms:Decrypt", keyArn],
      ["lambda:UpdateFunctionCode", "arn:aws:lambda:eu-west-1:123456789012:function:push-to-live-dev_hello-user"],
      ["lambda:GetFunction", "arn:aws:lambda:eu-west-1:123456789012:function:push-to-live-dev_hello-user"],
    ] as const) {
      expect(decide(statements, action, resource), `${action} ${resource}`).to.equal("denied");
    }
  });

  for (const [what, config, message] of [
    ["another word", { previewRole: "yes" }, /previewRole is "yes": it must be none, create, or the ARN/],
    [
      "another issuer's provider",
      { previewRole: "arn:aws:iam::123456789012:oidc-provider/git.example.com" },
      /previewRole is .*git\.example\.com": it must be none, create, or the ARN/,
    ],
    [
      "a GitHub Enterprise Server, whose issuer is another",
      { previewRole: "create", repository: "https://git.example.com/owner/name" },
      /previewRole is "create": it must be none: only github\.com/,
    ],
    [
      "another repository's subject",
      { previewRole: "create", previewSubject: "repo:owner/other" },
      /previewSubject is "repo:owner\/other": it must be "repo:owner\/name", or with GitHub's ids of both "repo:owner@<id>\/name@<id>"/,
    ],
    ["a subject with a pattern", { previewRole: "create", previewSubject: "repo:owner/*" }, /previewSubject is/],
    ["a subject with one id only", { previewRole: "create", previewSubject: "repo:owner@1/name" }, /previewSubject is/],
    [
      "a subject with something after it",
      { previewRole: "create", previewSubject: "repo:owner/name:ref" },
      /previewSubject is/,
    ],
    [
      "a bucket's URL",
      { previewRole: "create", previewStateBucket: "s3://state" },
      /previewStateBucket is "s3:.*without s3:/,
    ],
    ["a bucket's pattern", { previewRole: "create", previewStateBucket: "state/*" }, /previewStateBucket is/],
    [
      "a key's alias",
      { previewRole: "create", previewKmsKeyArn: "arn:aws:kms:eu-west-1:123456789012:alias/state" },
      /previewKmsKeyArn is .*it must be the ARN of a key/,
    ],
    [
      "a bucket without a role",
      { previewStateBucket: "state" },
      /previewStateBucket is "state": .*without previewRole/,
    ],
    ["a key without a role", { previewKmsKeyArn: keyArn }, /previewKmsKeyArn is .*without previewRole/],
    ["a subject without a role", { previewSubject: "repo:owner/name" }, /previewSubject is .*without previewRole/],
  ] as const) {
    it(`refuses ${what}, by the setting's name`, async () => {
      const { message: problem, registrations } = await failureOf(programWith(config));
      expect(problem).to.match(message);
      expect(registrations).to.deep.equal([]);
    });
  }
});
