export type { ModuleCall } from './call.js';
export {
  structured,
  toolError,
  type ContentBlock,
  type ResourceContents,
  type ToolResult,
  type ToolReturn,
} from './content.js';
export type { ListName, ModuleContext, ModuleEnvironment } from './context.js';
export {
  defineModule,
  type CompletionTarget,
  type ListOf,
  type Module,
  type ModuleDefinition,
  type Provisioned,
} from './definition.js';
export {
  elicit,
  elicitUrl,
  inputRequired,
  listRoots,
  sample,
  type InputKind,
  type InputRequest,
  type InputRequired,
  type SampleRequest,
} from './input-request.js';
export type { ElicitResponse, InputResponses, Root, SampleResponse } from './input-responses.js';
export type { ModuleProvider, ToolPolicy } from './module-provider.js';
export { moduleProvider } from './provider.js';
export {
  prompt,
  resource,
  resourceTemplate,
  type CacheHint,
  type Complete,
  type ListedResource,
  type PromptArgument,
  type PromptDefinition,
  type PromptMessage,
  type PromptReturn,
  type ReadReturn,
  type ResourceDefinition,
  type ResourceTemplateDefinition,
} from './resource.js';
export type { RawSchema } from './schema.js';
export {
  tool,
  type ArgumentsOf,
  type Icon,
  type ToolAnnotations,
  type ToolDefinition,
  type ToolOptions,
} from './tool.js';
export {
  testModule,
  testPrincipal,
  type TestCallOptions,
  type TestModule,
  type TestModuleOptions,
} from './test-module.js';
export { fromSdkServer, type SdkServerOptions } from './sdk/from-sdk-server.js';
export type { SdkServer, SdkTransport } from './sdk/server-connection.js';
export type { MetricSample } from '#gateway/catalog/index.js';
