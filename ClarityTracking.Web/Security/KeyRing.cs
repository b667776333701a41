using System.Text;
using System.Xml.Linq;
using ClarityTracking.Core.Connections;
using ClarityTracking.Core.Data;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.Extensions.Options;

namespace ClarityTracking.Web.Security;

/// <summary>
/// The keys that seal cookies, form tokens and bearer tokens: in the database, so that all nodes share them and a restart signs nobody
/// out; encrypted by the master key, so that a copy of the database forges nothing.
/// </summary>
public static class KeyRing
{
    private const string Purpose = "keyring";

    public static IServiceCollection AddKeyRing(this IServiceCollection services)
    {
        services.AddDataProtection().SetApplicationName("ClarityTracking");
        services.AddSingleton<IConfigureOptions<KeyManagementOptions>>(provider => new ConfigureOptions<KeyManagementOptions>(options =>
        {
            options.XmlRepository = new Repository(provider.GetRequiredService<ClarityDb>());
            options.XmlEncryptor = new Encryptor(provider.GetRequiredService<SecretProtector>());
        }));
        return services;
    }

    /// <summary>The table data_protection_keys. Its interface is synchronous; it is read at start and once a day.</summary>
    private sealed class Repository(ClarityDb database) : IXmlRepository
    {
        public IReadOnlyCollection<XElement> GetAllElements()
        {
            using var db = database.System();
            return db.DataProtectionKeys.Select(k => k.Xml).ToList().ConvertAll(XElement.Parse);
        }

        public void StoreElement(XElement element, string friendlyName)
        {
            using var db = database.System();
            db.DataProtectionKeys.Add(new DataProtectionKey { FriendlyName = friendlyName, Xml = element.ToString(SaveOptions.DisableFormatting) });
            db.SaveChanges();
        }
    }

    private sealed class Encryptor(SecretProtector protector) : IXmlEncryptor
    {
        public EncryptedXmlInfo Encrypt(XElement plaintextElement)
        {
            var plain = Encoding.UTF8.GetBytes(plaintextElement.ToString(SaveOptions.DisableFormatting));
            return new EncryptedXmlInfo(new XElement("sealed", Convert.ToBase64String(protector.Seal(Purpose, Guid.Empty, Guid.Empty, plain))), typeof(Decryptor));
        }
    }

    /// <summary>Named in each stored key and made by the framework; the name and namespace of this class are therefore a stored format.</summary>
    public sealed class Decryptor(IServiceProvider services) : IXmlDecryptor
    {
        public XElement Decrypt(XElement encryptedElement) => XElement.Parse(Encoding.UTF8.GetString(
            services.GetRequiredService<SecretProtector>().Open(Purpose, Guid.Empty, Guid.Empty, Convert.FromBase64String(encryptedElement.Value))));
    }
}
