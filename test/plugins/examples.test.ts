/** The tests of the example plugins, which are packages of their own; test/field/package.test.ts packs and installs them. */
import '../../plugins/examples/monthly-quota/monthly-quota.test'
import '../../plugins/examples/remote-authorizer/remote-authorizer.test'
import '../../plugins/examples/roll-call/roll-call.test'
